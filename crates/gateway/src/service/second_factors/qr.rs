//! QR codes as SVG. They hold secrets: they are drawn here, so that no service of others sees them.

use std::fmt::Write as _;

use domain::Secret;
use qrcodegen::{QrCode, QrCodeEcc};

use crate::error::{Error, Result};

/// The light margin that scanners need, in modules (ISO/IEC 18004).
const MARGIN: i32 = 4;

/// Draws a text as one SVG image without a size of its own.
pub fn svg(text: &Secret<String>) -> Result<Secret<String>> {
    let code = QrCode::encode_text(text.expose(), QrCodeEcc::Medium)
        .map_err(|_| Error::internal("a text is too long for a QR code"))?;
    let side = code.size() + 2 * MARGIN;
    // Room for every run of a typical code: the secret is not copied about while the text grows.
    let mut svg = String::with_capacity(16 * 1024);
    let _ = write!(
        svg,
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h{side}v{side}H0z"/><path d=""##
    );
    for y in 0..code.size() {
        let mut x = 0;
        while x < code.size() {
            let run = (x..code.size()).take_while(|x| code.get_module(*x, y)).map(|_| 1).sum::<i32>();
            if run > 0 {
                let _ = write!(svg, "M{} {}h{run}v1h-{run}z", x + MARGIN, y + MARGIN);
            }
            x += run + 1;
        }
    }
    svg.push_str(r#""/></svg>"#);
    Ok(Secret::new(svg))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Draws the runs of the path, eight pixels a module, as a browser would.
    fn pixels(svg: &str) -> (usize, Vec<bool>) {
        let side: usize = svg.split("viewBox=\"0 0 ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
        let path = svg.rsplit("<path d=\"").next().unwrap().split('"').next().unwrap();
        let width = side * 8;
        let mut dark = vec![false; width * width];
        for run in path.split('z').filter(|run| !run.is_empty()) {
            let (at, run) = run.strip_prefix('M').unwrap().split_once('h').unwrap();
            let (x, y) = at.split_once(' ').unwrap();
            let (x, y): (usize, usize) = (x.parse().unwrap(), y.parse().unwrap());
            let run: usize = run.split('v').next().unwrap().parse().unwrap();
            for row in y * 8..y * 8 + 8 {
                dark[row * width + x * 8..row * width + (x + run) * 8].fill(true);
            }
        }
        (width, dark)
    }

    #[test]
    fn another_program_reads_what_was_drawn() {
        let text = "otpauth://totp/Littoral:ada%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Littoral&algorithm=SHA1&digits=6&period=30";
        let svg = svg(&Secret::from(text)).unwrap();
        assert!(svg.expose().len() < 16 * 1024, "{}", svg.expose().len());
        let (width, dark) = pixels(svg.expose());
        let mut image =
            rqrr::PreparedImage::prepare_from_greyscale(width, width, |x, y| if dark[y * width + x] { 0 } else { 255 });
        let grids = image.detect_grids();
        assert_eq!(grids.len(), 1);
        assert_eq!(grids[0].decode().unwrap().1, text);
    }

    #[test]
    fn a_text_that_is_too_long_is_an_error() {
        assert!(svg(&Secret::new("x".repeat(3_000))).is_err());
    }
}
