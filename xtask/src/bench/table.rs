//! Markdown tables.

/// Rows under a head.
pub fn markdown<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let head = line(&head.map(str::to_owned));
    let rule = format!("|{}\n", "---|".repeat(N));
    let rows: String = rows.iter().map(|row| line(row)).collect();
    format!("{head}{rule}{rows}\n")
}

/// Whether a measured value keeps to its line.
pub fn verdict(kept: bool) -> String {
    if kept { "holds" } else { "**misses**" }.to_owned()
}
