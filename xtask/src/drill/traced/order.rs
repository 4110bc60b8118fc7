//! A client's trace goes on through all services, statements in PostgreSQL and events included, and every log line knows
//! it.

use anyhow::{Context as _, ensure};

use super::{context::Context, tree::Tree, witness::Witness};
use crate::{
    cluster::{CallLog, Cluster, Instance, Item, Received},
    drill::{
        load::{Customer, Request},
        report::figure,
    },
};

const PLACE_ORDER: &str = "orders.v1.OrdersService/PlaceOrder";
const CONFIRM_ACCOUNT: &str = "users.v1.UsersService/ConfirmAccount";

/// Without the statements, which change more often.
const CALLS: [&str; 11] = [
    "gateway SERVER POST /v1/orders",
    "  gateway CLIENT orders.v1.OrdersService/PlaceOrder",
    "    orders SERVER orders.v1.OrdersService/PlaceOrder",
    "      orders CLIENT users.v1.UsersService/ConfirmAccount",
    "        users SERVER users.v1.UsersService/ConfirmAccount",
    "      orders PRODUCER send orders.v1.OrderPlaced",
    "        payments CONSUMER process orders.v1.OrderPlaced",
    "          payments CLIENT charge",
    "          payments PRODUCER send payments.v1.PaymentCaptured",
    "            orders CONSUMER process payments.v1.PaymentCaptured",
    "              orders PRODUCER send orders.v1.OrderConfirmed",
];

/// A statement's name begins with one of them.
const VERBS: [&str; 8] = ["BEGIN", "COMMIT", "DELETE", "INSERT", "SELECT", "SET", "UPDATE", "WITH"];

/// Those that each service cannot do without.
const STATEMENTS: [(&str, &[&str]); 3] =
    [("orders", &["SELECT", "INSERT", "COMMIT"]), ("payments", &["INSERT", "COMMIT"]), ("users", &["SELECT"])];

/// Returns the order's id.
pub async fn is_one_trace(witness: &mut Witness<'_>, customer: &Customer) -> anyhow::Result<String> {
    let (cluster, context) = (witness.cluster, Context::new());
    let order = Request::place("BOX-OAK").by(customer).with("traceparent", context.sampled());
    let orders = logs(&cluster.orders)?;
    let users = logs(&cluster.users)?;
    let placed = witness.at[0].expect(&order.with("baggage", "drill=traced,reason=none;ttl=1")).await?;

    let calls = |tree: &Tree| tree.lines(&context.span, |span| !is_statement(span));
    let received = witness.once(|received| calls(&Tree::of(received, &context.trace)) == CALLS).await?;
    let tree = Tree::of(received, &context.trace);
    for line in tree.lines(&context.span, |_| true) {
        figure(&line, "");
    }
    tree.is_whole(&context.span)?;
    let calls = calls(&tree);
    ensure!(calls == CALLS, "these are not the calls that an order takes: {calls:#?}");
    judge_statements(&tree)?;
    judge_logs(cluster, received, &tree)?;
    for (method, logs) in [(PLACE_ORDER, orders), (CONFIRM_ACCOUNT, users)] {
        let came: usize = logs.iter().map(|log| log.came(method)).sum::<anyhow::Result<_>>()?;
        ensure!(came == 1, "{came} calls of {method} are logged, not one");
    }
    Ok(placed["id"].as_str().context("an order has an id")?.to_owned())
}

fn is_statement(span: &Item) -> bool {
    span.attributes.contains_key("db.namespace")
}

fn judge_statements(tree: &Tree) -> anyhow::Result<()> {
    for (service, needed) in STATEMENTS {
        let statements: Vec<_> =
            tree.spans().filter(|span| is_statement(span) && span.attribute("db.namespace") == service).collect();
        for verb in needed {
            ensure!(statements.iter().any(|span| self::verb(span) == *verb), "{service}: there is no {verb}");
        }
        for span in statements {
            judge_statement(tree, span, service).with_context(|| format!("{service}: {}", span.name()))?;
        }
    }
    let strange = tree.spans().filter(|span| is_statement(span)).map(|span| span.attribute("db.namespace"));
    let strange: Vec<_> = strange.filter(|namespace| STATEMENTS.iter().all(|(known, _)| known != namespace)).collect();
    ensure!(strange.is_empty(), "statements in unknown databases: {strange:?}");
    Ok(())
}

fn judge_statement(tree: &Tree, span: &Item, service: &str) -> anyhow::Result<()> {
    let parent = tree.span(span.parent()).context("it has no parent")?;
    ensure!(span.service() == service && parent.service() == service, "it is not of this service");
    ensure!(span.kind() == "CLIENT" && !is_statement(parent), "{} below {}", span.kind(), parent.kind());
    ensure!(VERBS.contains(&verb(span)), "it begins with no verb of SQL");
    // The name of those two is all that there is to say.
    let says_it_all = matches!(span.name(), "BEGIN" | "COMMIT");
    ensure!(says_it_all || !span.attribute("db.query.text").is_empty(), "its text is not there");
    ensure!(span.attribute("db.system.name") == "postgresql", "it does not say what database it is for");
    Ok(())
}

fn verb(span: &Item) -> &str {
    span.name().split(' ').next().unwrap_or_default()
}

/// Each service that served the request has logged it once, in the span that it served it in: on stdout, and to the collector.
fn judge_logs(cluster: &Cluster, received: &Received, tree: &Tree) -> anyhow::Result<()> {
    let instances = [("gateway", &cluster.gateways), ("orders", &cluster.orders), ("users", &cluster.users)];
    for (service, instances) in instances {
        let mut served = tree.spans().filter(|span| span.service() == service && span.kind() == "SERVER");
        let served = served.next().context("every one of them serves it")?;
        let sent = received.logs().filter(|record| record.span() == served.span() && is_line(record.body()));
        let sent = sent.filter(|record| record.service() == service && record.trace() == served.trace()).count();
        let mut printed = 0;
        for instance in instances {
            let lines = instance.log()?.into_iter().filter(|line| line["span_id"] == *served.span());
            let lines = lines.filter(|line| line["trace_id"] == *served.trace());
            printed += lines.filter(|line| line["message"].as_str().is_some_and(is_line)).count();
        }
        figure(&format!("{service}: lines sent and printed"), format_args!("{sent}, {printed}"));
        ensure!((sent, printed) == (1, 1), "{service} has logged it otherwise than once");
    }
    Ok(())
}

fn is_line(message: &str) -> bool {
    matches!(message, "request" | "call")
}

fn logs(instances: &[Instance]) -> anyhow::Result<Vec<CallLog>> {
    instances.iter().map(Instance::calls).collect()
}
