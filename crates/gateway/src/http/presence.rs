//! Whether a client still waits for its answer. A request that was taken is carried out all the same: a host that drops what a
//! client has left must not stop between two steps that belong together, such as storing a run and starting it.

use std::convert::Infallible;

use futures_channel::oneshot;
use futures_util::{
    FutureExt as _,
    future::{Either, Shared, select},
    pin_mut,
};
use ports::Tasks;

use crate::error::{Error, Result};

/// What a handler knows of its client's presence. Clones are cheap.
#[derive(Clone)]
pub struct Presence(Shared<oneshot::Receiver<Infallible>>);

/// The client waits until this is dropped.
pub struct Waiting {
    _until_dropped: oneshot::Sender<Infallible>,
}

impl Presence {
    /// A client that waits.
    pub fn new() -> (Waiting, Self) {
        let (sender, receiver) = oneshot::channel();
        (Waiting { _until_dropped: sender }, Self(receiver.shared()))
    }

    /// Does what is for the client alone, like reading a reply for it. It is dropped when the client leaves.
    pub async fn during<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        pin_mut!(work);
        match select(work, self.0.clone()).await {
            Either::Left((done, _)) => done,
            Either::Right(_) => Err(Error::unavailable("the client left")),
        }
    }
}

/// Does all of `work`, also when the caller stops waiting for it.
pub async fn carry_out<T: Send + 'static>(
    tasks: &dyn Tasks,
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T> {
    let (sender, done) = oneshot::channel();
    tasks.spawn(Box::pin(async move {
        // Nobody may be there any more.
        let _ = sender.send(work.await);
    }));
    done.await.map_err(|_| Error::internal("the work of a request came to no end"))
}
