//! What a view follows, in a box: the code that follows it exists once for each kind of answer, and not once for each
//! place that asks. A tenth of the whole download is what that saves.

pub type Boxed<T> = Box<dyn FnMut() -> T + Send>;

pub fn boxed<T>(follow: impl FnMut() -> T + Send + 'static) -> Boxed<T> {
    Box::new(follow)
}
