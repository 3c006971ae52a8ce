//! What this browser remembers for one person. A browser that refuses to remember is no error.

pub fn read(key: &str) -> Option<String> {
    super::window().local_storage().ok()??.get_item(key).ok()?
}

pub fn write(key: &str, value: &str) {
    if let Ok(Some(storage)) = super::window().local_storage() {
        let _ = storage.set_item(key, value);
    }
}
