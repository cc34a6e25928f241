//! Rows of a file, as names and values: CSV with a row of names, or JSON Lines. Nothing here knows what a user is.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
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
    Csv { reader: Box<Reader<Limited>>, names: StringRecord, ended: bool },
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
        let reader = Limited { inner: reader, left: MAX_ROW };
        let mut reader = Box::new(ReaderBuilder::new().trim(csv::Trim::All).from_reader(reader));
        let names = reader.headers().map_err(io::Error::other)?.clone();
        Ok(Self(Form::Csv { reader, names, ended: false }))
    }
}

impl Iterator for Rows {
    type Item = (u64, Result<Row, String>);

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Form::Csv { reader, names, ended } => csv_row(reader, names, ended),
            Form::Json { reader, line, ended } => json_row(reader, line, ended),
        }
    }
}

/// A file of which only so much can be read until the limit is set anew: a quote that is never closed makes the rest of the file
/// one row.
struct Limited {
    inner: BufReader<File>,
    left: u64,
}

impl Read for Limited {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let read = self.inner.by_ref().take(self.left).read(buffer)?;
        self.left -= read as u64;
        Ok(read)
    }
}

fn csv_row(reader: &mut Reader<Limited>, names: &StringRecord, ended: &mut bool) -> Option<(u64, Result<Row, String>)> {
    if *ended {
        return None;
    }
    let mut record = StringRecord::new();
    let begins_at = reader.position().line();
    reader.get_mut().left = MAX_ROW;
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
                csv::ErrorKind::Io(error) => {
                    *ended = true;
                    let long = "it has more than a million bytes (is a quote not closed?); nothing after it was read";
                    let unread = "it cannot be read; nothing after it was read";
                    let is_long = error.kind() == io::ErrorKind::FileTooLarge;
                    return Some((begins_at, Err(if is_long { long } else { unread }.into())));
                }
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

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_quote_that_is_not_closed_costs_a_million_bytes_and_no_more() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        writeln!(file, "email,name\na@b.cd,A\nb@b.cd,\"B").unwrap();
        for _ in 0..5 {
            file.write_all(&vec![b'x'; usize::try_from(MAX_ROW).unwrap()]).unwrap();
        }
        let mut rows = Rows::open(file.path()).unwrap();
        assert!(matches!(rows.next(), Some((2, Ok(_)))));
        let Some((3, Err(problem))) = rows.next() else { panic!("the third line has no end") };
        assert!(problem.contains("is a quote not closed?"), "{problem}");
        assert!(rows.next().is_none());
    }
}
