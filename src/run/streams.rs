//! From what was read to be judged to what kubectl finds in its place.

use crate::exec::Stream;
use crate::gather::Captured;

/// Everything that was taken from a stream, sealed.
pub(super) fn sealed(captured: Captured) -> std::io::Result<Vec<Stream>> {
    captured
        .into_streams()
        .map(|(descriptor, mut capture)| {
            Stream::sealed(descriptor, &capture.bytes, capture.rest.as_mut())
        })
        .collect()
}
