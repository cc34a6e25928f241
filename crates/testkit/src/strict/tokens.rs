//! Just enough of SQLite's lexer to see a statement's words, parameters and string literals. It accepts everything: what is
//! wrong with a text, SQLite itself says.

/// A piece of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// A keyword, a name or a number, without quotes.
    Word(&'a str),
    /// A string literal; how many bytes it holds between its quotes.
    Literal(usize),
    /// `?7`.
    Param(usize),
    /// A parameter without a number: `?`, `:name`, `@name`, `$name`.
    Unnumbered,
    /// `||`.
    Concat,
    /// Any other mark.
    Mark(char),
}

/// The tokens of a statement, comments and quoted names left out.
pub(super) fn read(sql: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let length = if rest.starts_with("--") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if first == '\'' {
            let length = quoted(rest, '\'');
            tokens.push(Token::Literal(length.saturating_sub(2)));
            length
        } else if matches!(first, '"' | '`') {
            quoted(rest, first)
        } else if first == '[' {
            rest.find(']').map_or(rest.len(), |end| end + 1)
        } else if matches!(first, '?' | ':' | '@' | '$') {
            let name = &rest[1..];
            let name = &name[..word(name)];
            tokens.push(name.parse().map_or(Token::Unnumbered, Token::Param));
            1 + name.len()
        } else if rest.starts_with("||") {
            tokens.push(Token::Concat);
            2
        } else if word(rest) > 0 {
            let length = word(rest);
            tokens.push(Token::Word(&rest[..length]));
            length
        } else {
            if !first.is_whitespace() {
                tokens.push(Token::Mark(first));
            }
            first.len_utf8()
        };
        rest = &rest[length..];
    }
    tokens
}

/// The length of the word at the start.
fn word(text: &str) -> usize {
    text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len())
}

/// The length of the quoted text at the start, quotes included; a doubled quote does not end it.
fn quoted(text: &str, quote: char) -> usize {
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c == quote && chars.next_if(|(_, next)| *next == quote).is_none() {
            return at + 1;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_comments_hide_what_they_hold() {
        let tokens = read("SELECT 'it''s; ?1', \"a?2\", [?3] -- BEGIN\n/* ?4 */ || ?5 ?");
        assert_eq!(
            tokens,
            [
                Token::Word("SELECT"),
                Token::Literal(9),
                Token::Mark(','),
                Token::Mark(','),
                Token::Concat,
                Token::Param(5),
                Token::Unnumbered
            ]
        );
    }
}
