//! What is kept how long is what the configuration says, also for what was stored under an earlier one.

use model::Nanos;
use traffic::Shop;

use crate::server::{TestServer, now};

/// When spans expire, as the engine has it.
const RULE: &str = "SELECT extract(engine_full, 'TTL (.*?) SETTINGS') FROM system.tables \
                    WHERE database = currentDatabase() AND name = 'spans'";
const LOGS_RULE: &str = "SELECT extract(engine_full, 'TTL (.*?) SETTINGS') FROM system.tables \
                         WHERE database = currentDatabase() AND name = 'logs'";
const OLD: &str = "SELECT count() FROM spans WHERE received < now() - INTERVAL 4 DAY";

#[tokio::test]
async fn fewer_days_take_what_is_older_and_leave_the_rest() {
    let mut server = TestServer::start().await;
    let fresh: Vec<_> =
        Shop::new(9).traces(now().minus(Nanos::from_secs(60)), 1.0).take(5).flatten().collect();
    server.send(&fresh).await;
    server.stored(fresh.len()).await;
    let old = "INSERT INTO spans (tenant, class, received, trace_id, span_id, start) \
               SELECT 'default', 'default', now() - INTERVAL 5 DAY, 'an old trace 16b', number + 1, now() - INTERVAL 5 DAY \
               FROM numbers(10)";
    server.sql(old).await.unwrap();
    server.sql_becomes(OLD, "10").await;
    server.sql_becomes(RULE, "received + toIntervalDay(30)").await;

    assert!(server.terminate().await.success());
    let fewer = ["--keep-spans-days", "3", "--keep-search-days", "2", "--keep-logs-days", "5"];
    server.restart_with(&fewer).await;
    server.ready().await;
    server.sql_becomes(RULE, "received + toIntervalDay(3)").await;
    server.sql_becomes(LOGS_RULE, "received + toIntervalDay(5)").await;
    server.sql_becomes(OLD, "0").await;
    assert_eq!(server.sql("SELECT count() FROM spans").await.unwrap(), fresh.len().to_string());

    // And back, with nothing asked for: the defaults.
    assert!(server.terminate().await.success());
    server.restart_with(&[]).await;
    server.sql_becomes(RULE, "received + toIntervalDay(30)").await;
}

const DISKS: &str = "SELECT arrayStringConcat(arraySort(groupUniqArray(concat(class, ' ', disk_name))), ', ') FROM ( \
                     SELECT p.disk_name AS disk_name, splitByChar('''', p.partition)[2] AS class FROM system.parts AS p \
                     WHERE p.active AND p.database = currentDatabase() AND p.table = 'spans')";
const MOVES: &str = "received + toIntervalDay(2) TO VOLUME \\'warm\\', received + toIntervalDay(4) TO VOLUME \\'cold\\', \
                     received + toIntervalDay(30)";

fn aged(class: &str, days: u32) -> String {
    format!(
        "INSERT INTO spans (tenant, class, received, trace_id, span_id, start) \
         SELECT 'default', '{class}', now() - INTERVAL {days} DAY, 'an old trace 16b', number + 1, \
         now() - INTERVAL {days} DAY FROM numbers(10)"
    )
}

#[tokio::test]
async fn older_parts_lie_on_the_volumes_that_are_named_and_stay_readable_without() {
    let disks = tempfile::tempdir().unwrap();
    let (warm, cold) = (disks.path().join("warm"), disks.path().join("cold"));
    let mut server = TestServer::start().await;
    server.sql(&aged("new", 1)).await.unwrap();
    server.sql(&aged("old", 3)).await.unwrap();
    server.sql_becomes(DISKS, "new default, old default").await;
    assert!(server.terminate().await.success());

    let days = ["--warm-after-days", "2", "--cold-after-days", "4"];
    let (warm, cold) = (warm.to_str().unwrap(), cold.to_str().unwrap());
    let dirs = ["--warm-dir", warm, "--cold-dir", cold];
    server.restart_with(&[days, dirs].concat()).await;
    server.ready().await;
    server.sql_becomes(RULE, MOVES).await;
    // What is stored moves, and what arrives lies at once where it belongs.
    server.sql_becomes(DISKS, "new default, old warm").await;
    server.sql(&aged("older", 5)).await.unwrap();
    server.sql_becomes(DISKS, "new default, old warm, older cold").await;
    server.sql_becomes("SELECT count() FROM spans", "30").await;
    assert!(server.terminate().await.success());

    // Without the flags nothing more moves there, and what does lie there is read.
    server.restart_with(&[]).await;
    server.ready().await;
    server.sql_becomes(RULE, "received + toIntervalDay(30)").await;
    server.sql(&aged("last", 5)).await.unwrap();
    server.sql_becomes(DISKS, "last default, new default, old warm, older cold").await;
    server.sql_becomes("SELECT count() FROM spans", "40").await;
}
