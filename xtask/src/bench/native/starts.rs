//! How long the program takes from being started to its first answer.

use std::path::Path;

use super::littoral::{folder, start};
use crate::{
    bench::{
        Scale,
        figures::{Series, ms},
        process::Process,
    },
    command::Result,
};

/// In milliseconds.
#[derive(Debug, Default)]
pub struct Starts {
    /// With an empty data folder: keys and database are made, migrations applied.
    pub first: Series,
    /// With that folder.
    pub again: Series,
}

/// Starts it as often as the scale says, each way.
pub fn measure(parent: &Path, upstream: &Process, scale: Scale) -> Result<Starts> {
    let mut starts = Starts::default();
    for number in 0..scale.starts {
        let data = folder(parent, &format!("start-{number}"))?;
        starts.first.push(ms(start(&data, upstream.address)?.start));
        starts.again.push(ms(start(&data, upstream.address)?.start));
    }
    Ok(starts)
}
