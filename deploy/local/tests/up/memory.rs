//! Memory that was needed for a moment is given back.

use futures::future::join_all;

use crate::harness::{Folder, Shop};

/// One password takes 19 MiB while it is hashed, and two are hashed at once.
const ENOUGH_MIB: u64 = 200;

#[tokio::test]
async fn many_who_sign_in_at_once_leave_no_memory_taken() {
    let folder = Folder::new();
    // Nobody reads its log here, which would not fit into the pipe.
    let shop = Shop::open(&folder.0, &["--log-filter", "warn"]).await;
    shop.customer().signed_up("ada@example.com").await;
    for _ in 0..10 {
        let customers = (0..8).map(|_| async { shop.customer().sign_in("ada@example.com", "correct horse").await });
        join_all(customers).await;
    }
    let resident = shop.resident_mib();
    assert!(resident < ENOUGH_MIB, "{resident} MiB");
}
