//! Rows of a file, as names and values: CSV with a row of names, or JSON Lines. Nothing here knows what a user is.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read as _},
    path::Path,
};

use csv::{Reader, ReaderBuilder, StringRecord};
use serde_json::{Map, Value};

/// Names and values of a row.
pub type Row = Map<String, Value>;

/// The longest row, in bytes: what is longer is no table of users.
const MAX_ROW: u64 = 1 << 20;

/// The rows of a file, with the numbers of their lines.
pub struct Rows(Form);

enum Form {
    Csv { reader: Box<Reader<BufReader<File>>>, names: StringRecord },
    Json { reader: BufReader<File>, line: u64, ended: bool },
}

impl Rows {
    /// Opens a file. One that begins with `{` is JSON Lines, any other CSV.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut reader = BufReader::new(File::open(path)?);
        if reader.fill_buf()?.starts_with(b"\xef\xbb\xbf") {
            reader.consume(3);
        }
        let first = reader.fill_buf()?.iter().find(|byte| !byte.is_ascii_whitespace()).copied();
        if first == Some(b'{') {
            return Ok(Self(Form::Json { reader, line: 0, ended: false }));
        }
        let mut reader = Box::new(ReaderBuilder::new().trim(csv::Trim::All).from_reader(reader));
        let names = reader.headers().map_err(io::Error::other)?.clone();
        Ok(Self(Form::Csv { reader, names }))
    }
}

impl Iterator for Rows {
    type Item = (u64, Result<Row, String>);

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Form::Csv { reader, names } => csv_row(reader, names),
            Form::Json { reader, line, ended } => json_row(reader, line, ended),
        }
    }
}

fn csv_row(reader: &mut Reader<BufReader<File>>, names: &StringRecord) -> Option<(u64, Result<Row, String>)> {
    let mut record = StringRecord::new();
    let read = reader.read_record(&mut record);
    let at = |position: Option<&csv::Position>| position.map_or(0, csv::Position::line);
    match read {
        Ok(false) => None,
        Ok(true) => {
            let values = record.iter().map(Value::from);
            Some((at(record.position()), Ok(names.iter().map(str::to_owned).zip(values).collect())))
        }
        // The library's own words may hold values.
        Err(error) => {
            let problem = match error.kind() {
                csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                    format!("it has {len} fields, the first row {expected_len}")
                }
                csv::ErrorKind::Utf8 { .. } => "it is not UTF-8".into(),
                _ => "it cannot be read".into(),
            };
            Some((at(error.position()), Err(problem)))
        }
    }
}

fn json_row(reader: &mut BufReader<File>, line: &mut u64, ended: &mut bool) -> Option<(u64, Result<Row, String>)> {
    loop {
        if *ended {
            return None;
        }
        *line += 1;
        let mut bytes = Vec::new();
        let failed = |problem: &str| Some((*line, Err(problem.to_owned())));
        match reader.by_ref().take(MAX_ROW).read_until(b'\n', &mut bytes) {
            Ok(0) => return None,
            Ok(_) if bytes.len() as u64 == MAX_ROW && !bytes.ends_with(b"\n") => {
                *ended = true;
                return failed("it has more than a million bytes; nothing after it was read");
            }
            Ok(_) if bytes.iter().all(u8::is_ascii_whitespace) => {}
            Ok(_) => {
                let row = serde_json::from_slice::<Row>(&bytes).map_err(|_| "it is no JSON object".to_owned());
                return Some((*line, row));
            }
            Err(_) => {
                *ended = true;
                return failed("it cannot be read; nothing after it was read");
            }
        }
    }
}
