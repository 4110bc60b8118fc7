//! What a collector received, read from the text that it writes: an item begins with its number, and its fields and
//! attributes follow, a line each.

use std::{collections::BTreeMap, sync::Arc};

type Attributes = BTreeMap<String, String>;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Signal {
    Span,
    /// A point of a metric.
    Point,
    Log,
}

/// A span, a point of a metric, or a record of a log.
#[derive(Clone, Debug)]
pub struct Item {
    pub signal: Signal,
    /// Who sent it.
    pub resource: Arc<Attributes>,
    pub attributes: Attributes,
    fields: BTreeMap<&'static str, String>,
}

impl Item {
    pub fn service(&self) -> &str {
        self.resource.get("service.name").map_or("", String::as_str)
    }

    /// Of a span or of a metric.
    pub fn name(&self) -> &str {
        self.field("Name")
    }

    pub fn body(&self) -> &str {
        self.field("Body")
    }

    pub fn trace(&self) -> &str {
        self.field("Trace ID")
    }

    /// Of the span itself, or of the span that a record was logged in.
    pub fn span(&self) -> &str {
        match self.signal {
            Signal::Log => self.field("Span ID"),
            _ => self.field("ID"),
        }
    }

    /// Empty for a root.
    pub fn parent(&self) -> &str {
        self.field("Parent ID")
    }

    /// In nanoseconds.
    pub fn start(&self) -> u64 {
        self.field("Start time").parse().unwrap_or(0)
    }

    /// Such as `SERVER`.
    pub fn kind(&self) -> &str {
        self.field("Kind").trim_start_matches("SPAN_KIND_")
    }

    pub fn attribute(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", String::as_str)
    }

    fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }
}

#[derive(Default)]
pub struct Received {
    pub items: Vec<Item>,
    resource: Arc<Attributes>,
    metric: String,
    section: Section,
    /// An attribute whose value has not ended with its line.
    unfinished: Option<(String, String)>,
}

/// What the attributes that follow belong to.
#[derive(Clone, Copy, Default)]
enum Section {
    Resource,
    Descriptor,
    Item,
    /// Events, links, exemplars.
    #[default]
    Other,
}

/// As they are written before the colon.
const FIELDS: [&str; 8] = ["Name", "Kind", "Trace ID", "Parent ID", "ID", "Span ID", "Start time", "Body"];

impl Received {
    pub fn spans(&self) -> impl Iterator<Item = &Item> {
        self.of(Signal::Span)
    }

    pub fn points(&self) -> impl Iterator<Item = &Item> {
        self.of(Signal::Point)
    }

    pub fn logs(&self) -> impl Iterator<Item = &Item> {
        self.of(Signal::Log)
    }

    fn of(&self, signal: Signal) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(move |item| item.signal == signal)
    }

    /// Whole lines, which follow those that were read before.
    pub fn read(&mut self, text: &str) {
        for line in text.lines() {
            if let Some((name, value)) = self.unfinished.take() {
                self.attribute(name, format!("{value}\n{line}"));
            } else if let Some((name, value)) = line.strip_prefix("     -> ").and_then(|line| line.split_once(": ")) {
                self.attribute(name.to_owned(), value.to_owned());
            } else if let Some((heading, _)) = line.split_once(" #") {
                self.begin(heading);
            } else if matches!(line, "Attributes:" | "Data point attributes:") {
                self.section = Section::Item;
            } else if let Some((name, value)) = line.split_once(':') {
                self.field(name.trim(), value.trim());
            }
        }
    }

    fn begin(&mut self, heading: &str) {
        self.section = Section::Other;
        match heading {
            "ResourceSpans" | "ResourceMetrics" | "ResourceLog" => {
                self.resource = Arc::default();
                self.section = Section::Resource;
            }
            "Metric" => self.section = Section::Descriptor,
            "Span" => self.add(Signal::Span),
            "LogRecord" => self.add(Signal::Log),
            points if points.ends_with("DataPoints") => self.add(Signal::Point),
            _ => {}
        }
    }

    fn add(&mut self, signal: Signal) {
        let mut fields = BTreeMap::new();
        if signal == Signal::Point {
            fields.insert("Name", self.metric.clone());
        }
        self.items.push(Item { signal, resource: self.resource.clone(), attributes: Attributes::new(), fields });
    }

    fn field(&mut self, name: &str, value: &str) {
        let (Some(name), Some(item)) = (FIELDS.iter().find(|field| **field == name), self.items.last_mut()) else {
            return;
        };
        item.fields.insert(name, plain(value).unwrap_or(value).to_owned());
    }

    fn attribute(&mut self, name: String, value: String) {
        if matches!((self.section, &*name), (Section::Descriptor, "Name")) {
            self.metric = value;
            return;
        }
        let attributes = match self.section {
            Section::Resource => Arc::make_mut(&mut self.resource),
            Section::Item => match self.items.last_mut() {
                Some(item) => &mut item.attributes,
                None => return,
            },
            Section::Descriptor | Section::Other => return,
        };
        match plain(&value) {
            Some(plain) => drop(attributes.insert(name, plain.to_owned())),
            None => self.unfinished = Some((name, value)),
        }
    }
}

/// Without its type: `Str(orders)` is `orders`. Nothing where the value goes on.
fn plain(value: &str) -> Option<&str> {
    value.split_once('(')?.1.strip_suffix(')')
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
ResourceSpans #0
Resource SchemaURL: 
Resource attributes:
     -> service.name: Str(orders)
ScopeSpans #0
InstrumentationScope joist 
Span #0
    Trace ID       : 0fceb5d1b7fd180c7d611e05c7dea9dc
    Parent ID      : a322744102015f48
    ID             : 38a294713fb48f7a
    Name           : SELECT products
    Kind           : SPAN_KIND_CLIENT
Start time: 1795269139463734201
End time: 1795269139464422753
    Status code    : STATUS_CODE_UNSET
    Status message : 
Attributes:
     -> db.query.text: Str(select *
from products
  where a -> 'b: (c)')
     -> server.port: Int(5432)
Events:
SpanEvent #0
     -> Name: boom
     -> Attributes::
          -> k: Str(v)
ResourceMetrics #0
Resource attributes:
     -> service.name: Str(users)
Metric #0
Descriptor:
     -> Name: orders.placed
     -> DataType: Sum
NumberDataPoints #0
Data point attributes:
     -> currency: Str(EUR)
Timestamp: 1795269139467528424
Value: 3
ResourceLog #0
LogRecord #0
SeverityText: INFO
Body: Str(call)
Attributes:
     -> rpc.code: Str(Ok)
    Trace ID       : 0fceb5d1b7fd180c7d611e05c7dea9dc
    Span ID        : a322744102015f48
Flags: 1
";

    fn received(text: &str) -> Vec<Item> {
        let mut received = Received::default();
        for line in text.split_inclusive('\n') {
            received.read(line);
        }
        received.items
    }

    #[test]
    fn a_span_has_its_place_and_its_attributes() {
        let span = &received(TEXT)[0];
        assert_eq!((span.service(), span.name(), span.kind()), ("orders", "SELECT products", "CLIENT"));
        assert_eq!((span.span(), span.parent()), ("38a294713fb48f7a", "a322744102015f48"));
        assert_eq!(span.attribute("db.query.text"), "select *\nfrom products\n  where a -> 'b: (c)'");
        assert_eq!((span.attribute("server.port"), span.attributes.len()), ("5432", 2));
        assert_eq!(span.start(), 1_795_269_139_463_734_201);
    }

    #[test]
    fn a_point_has_the_name_of_its_metric() {
        let point = &received(TEXT)[1];
        assert_eq!((point.service(), point.name(), point.attribute("currency")), ("users", "orders.placed", "EUR"));
    }

    #[test]
    fn a_record_is_of_a_trace() {
        let record = &received(TEXT)[2];
        assert_eq!((record.body(), record.attribute("rpc.code"), record.service()), ("call", "Ok", ""));
        assert_eq!((record.span(), record.trace().len()), ("a322744102015f48", 32));
    }
}
