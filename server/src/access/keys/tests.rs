//! Keys from their making to their end, and how much one may send.

use super::super::meta_url;
use super::*;

const T0: Timestamp = Timestamp(1_700_000_000_000_000_000);

#[tokio::test]
async fn a_key_opens_until_it_is_revoked() {
    let folder = tempfile::tempdir().unwrap();
    let access = Access::open(&meta_url(None, folder.path())).await.unwrap();
    let keys = Keys::default();
    let text = access.create_key(&TenantId::default(), "shop", 0, T0).await.unwrap();
    assert!(keys.find(&text).is_none(), "not known before the copy is refreshed");
    access.refresh_keys(&keys, T0).await.unwrap();
    assert_eq!(keys.find(&text).unwrap().tenant(), &TenantId::default());

    let (id, secret) = text.strip_prefix(PREFIX).unwrap().split_once('_').unwrap();
    for wrong in [
        "",
        "skein_",
        id,
        &format!("{PREFIX}{id}_"),
        &format!("{PREFIX}{id}_{}", secret.to_uppercase() + "0"),
        &format!("{PREFIX}0000000000000000_{secret}"),
        &format!("{PREFIX}{id}_{}", hash_of(secret)),
        &text[1..],
    ] {
        assert!(keys.find(wrong).is_none(), "{wrong}");
    }

    access.refresh_keys(&keys, T0).await.unwrap();
    let line = &access.list_keys().await.unwrap()[0];
    assert_eq!((line.name.as_str(), line.created, line.last_used, line.revoked.0), ("shop", T0, T0, 0));
    access.revoke_key(id, T0).await.unwrap();
    access.refresh_keys(&keys, T0).await.unwrap();
    assert!(keys.find(&text).is_none());
    assert_eq!(access.list_keys().await.unwrap()[0].revoked, T0);
    let again = access.revoke_key(id, T0).await.unwrap_err();
    assert!(again.to_string().contains(id));
}

#[tokio::test]
async fn nothing_on_disk_tells_a_key() {
    let folder = tempfile::tempdir().unwrap();
    let access = Access::open(&meta_url(None, folder.path())).await.unwrap();
    let text = access.create_key(&TenantId::default(), "shop", 0, T0).await.unwrap();
    let secret = text.rsplit('_').next().unwrap().as_bytes();
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(secret.len()).any(|window| window == secret));
    }
    let stranger = access.create_key(&TenantId("nobody".into()), "x", 0, T0).await.unwrap_err();
    assert!(stranger.to_string().contains("nobody"));
}

fn stored(spans_per_second: u64) -> StoredKey {
    let (id, name) = ("0123456789abcdef".to_owned(), "shop".to_owned());
    let tenant = TenantId::default();
    StoredKey { id, tenant, name, hash: String::new(), spans_per_second, last_used_ms: 0 }
}

#[test]
fn keys_of_one_name_are_told_apart() {
    assert_eq!(Key::new(stored(0), Instant::now()).label(), "shop (012345)");
    let nameless = StoredKey { name: String::new(), ..stored(0) };
    assert_eq!(Key::new(nameless, Instant::now()).label(), "(012345)");
}

#[test]
fn a_rate_holds_on_average_and_a_large_batch_passes_once() {
    let start = Instant::now();
    let key = Key::new(stored(100), start);
    assert_eq!(key.admit(350, start), Ok(()));
    let wait = key.admit(1, start).unwrap_err();
    assert_eq!(wait.as_millis(), 2_510);
    assert!(key.admit(1, start + wait - Duration::from_millis(20)).is_err());
    assert_eq!(key.admit(1, start + wait + Duration::from_millis(1)), Ok(()));
    // What is saved up is a second's worth at most.
    let late = start + Duration::from_secs(3_600);
    assert_eq!(key.admit(100, late), Ok(()));
    assert!(key.admit(1, late).is_err());
    let unbounded = Key::new(stored(0), start);
    assert!((0..10).all(|_| unbounded.admit(u32::MAX, start).is_ok()));
}

#[tokio::test]
async fn no_key_opens_the_reserved_tenant() {
    let folder = tempfile::tempdir().unwrap();
    let access = Access::open(&meta_url(None, folder.path())).await.unwrap();
    let refused = access.create_key(&TenantId::own(), "x", 0, T0).await.unwrap_err();
    assert!(matches!(refused, AccessError::ReservedTenant(_)), "{refused}");
    // Nor does one that got there by other hands.
    let text = access.create_key(&TenantId::default(), "x", 0, T0).await.unwrap();
    sqlx::query("UPDATE ingest_keys SET tenant = $1")
        .bind(TenantId::OWN)
        .execute(access.pool())
        .await
        .unwrap();
    let keys = Keys::default();
    access.refresh_keys(&keys, T0).await.unwrap();
    assert!(keys.find(&text).is_none());
}
