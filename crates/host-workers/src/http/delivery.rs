//! A request's body, sent so that it can be told afterwards whether the peer may have the whole of it.
//!
//! `fetch` fails with the same words whether it found nobody or lost the connection later, and only in the first case may a
//! request be repeated. But it takes a body piece by piece, only a few of them ahead of what the connection took: as long
//! as the last byte is still here, the peer cannot have the request.

use futures_util::FutureExt as _;
use js_sys::Uint8Array;
use wasm_bindgen::JsValue;
use web_sys::WritableStreamDefaultWriter;
use worker::{wasm_bindgen_futures::JsFuture, worker_sys::FixedLengthStream};

/// The last bytes, which go one by one. workerd takes three pieces before it waits for the connection.
const TAIL: usize = 3;

/// A body on its way.
pub struct Delivery {
    /// What `fetch` is given.
    body: JsValue,
    /// The last byte; none for a body too short to tell.
    last: Option<JsFuture>,
}

impl Delivery {
    /// Prepares a body. The peer sees its length, as it would with plain bytes.
    pub fn new(bytes: &[u8]) -> worker::Result<Self> {
        let length = u32::try_from(bytes.len()).map_err(|_| "a request body has at most 4 GB")?;
        if bytes.is_empty() {
            return Ok(Self { body: JsValue::UNDEFINED, last: None });
        }
        if bytes.len() <= TAIL {
            return Ok(Self { body: Uint8Array::from(bytes).into(), last: None });
        }
        let stream = FixedLengthStream::new(length)?;
        let writer = WritableStreamDefaultWriter::new(&stream.writable())?;
        let (head, tail) = bytes.split_at(bytes.len() - TAIL);
        // Futures from the start: a promise that fails unheard would be reported as an error of the Worker.
        let write = |piece: &[u8]| JsFuture::from(writer.write_with_chunk(&Uint8Array::from(piece)));
        let mut last = write(head);
        for byte in tail.chunks(1) {
            last = write(byte);
        }
        let _end = JsFuture::from(writer.close());
        Ok(Self { body: stream.readable().into(), last: Some(last) })
    }

    /// What `fetch` is given.
    pub const fn body(&self) -> &JsValue {
        &self.body
    }

    /// Whether the peer cannot have the whole request. Asked after a failure.
    pub fn is_kept(&mut self) -> bool {
        self.last.as_mut().is_some_and(|last| !matches!(last.now_or_never(), Some(Ok(_))))
    }
}
