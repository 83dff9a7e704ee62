//! A terminal for tests: what stands on it after what was written.
//!
//! As a terminal does, it breaks a full line only when the next character comes, scrolls
//! at its end, moves the cursor no higher than its first row, and breaks lines anew when
//! it becomes narrower. An escape sequence that it does not know fails the test.

use std::io::{Result, Write};
use std::sync::{Arc, Mutex};

#[derive(Debug, Clone)]
pub(super) struct Screen(Arc<Mutex<Cells>>);

#[derive(Debug)]
struct Cells {
    columns: usize,
    rows: usize,
    /// Every row since the beginning; the last `rows` of them are seen.
    all: Vec<Vec<char>>,
    row: usize,
    column: usize,
    escape: Option<String>,
}

impl Screen {
    pub(super) fn new(columns: usize, rows: usize) -> Self {
        let cells = Cells { columns, rows, all: vec![Vec::new()], row: 0, column: 0, escape: None };
        Self(Arc::new(Mutex::new(cells)))
    }

    /// A size to hand in, for the few that the tests use.
    pub(super) fn size_of(columns: usize, rows: usize) -> fn() -> (usize, usize) {
        match (columns, rows) {
            (20, 8) => || (20, 8),
            (30, 24) => || (30, 24),
            (40, 24) => || (40, 24),
            (80, 5) => || (80, 5),
            (80, 24) => || (80, 24),
            (120, 24) => || (120, 24),
            (120, 50) => || (120, 50),
            other => panic!("no test uses {other:?}"),
        }
    }

    /// What is seen.
    pub(super) fn contents(&self) -> String {
        let cells = self.0.lock().unwrap();
        text(&cells.all[cells.top()..])
    }

    /// What scrolled away.
    pub(super) fn lost(&self) -> String {
        let cells = self.0.lock().unwrap();
        text(&cells.all[..cells.top()])
    }

    /// Both.
    pub(super) fn everything(&self) -> String {
        text(&self.0.lock().unwrap().all)
    }

    /// Makes it narrower.
    pub(super) fn resize(&self, columns: usize) {
        let mut cells = self.0.lock().unwrap();
        let (row, mut broken) = (cells.row, Vec::new());
        for (at, line) in std::mem::take(&mut cells.all).into_iter().enumerate() {
            let parts: Vec<Vec<char>> = line.chunks(columns).map(<[char]>::to_vec).collect();
            broken.extend(if parts.is_empty() { vec![Vec::new()] } else { parts });
            if at == row {
                cells.row = broken.len() - 1;
                cells.column %= columns;
            }
        }
        (cells.all, cells.columns) = (broken, columns);
    }
}

fn text(rows: &[Vec<char>]) -> String {
    let rows: Vec<String> =
        rows.iter().map(|row| row.iter().collect::<String>().trim_end().to_owned()).collect();
    rows.join("\n").trim_end().to_owned()
}

impl Cells {
    fn top(&self) -> usize {
        self.all.len().saturating_sub(self.rows)
    }

    fn down(&mut self) {
        self.row += 1;
        if self.row == self.all.len() {
            self.all.push(Vec::new());
        }
    }

    fn write(&mut self, character: char) {
        if let Some(mut escape) = self.escape.take() {
            escape.push(character);
            if escape == "[" || character.is_ascii_digit() {
                self.escape = Some(escape);
            } else {
                self.obey(&escape);
            }
            return;
        }
        match character {
            '\u{1b}' => self.escape = Some(String::new()),
            '\r' => self.column = 0,
            '\n' => {
                self.down();
                self.column = 0;
            }
            other => {
                assert!(!other.is_control(), "{other:?}");
                if self.column == self.columns {
                    self.down();
                    self.column = 0;
                }
                let (row, column) = (self.row, self.column);
                let line = &mut self.all[row];
                line.resize(line.len().max(column + 1), ' ');
                line[column] = other;
                self.column += 1;
            }
        }
    }

    fn obey(&mut self, escape: &str) {
        match escape {
            "[K" => self.all[self.row].truncate(self.column),
            "[J" => {
                self.all[self.row].truncate(self.column);
                // What was below is empty, and rows that were never seen to be used are none.
                let row = self.row;
                self.all[row + 1..].iter_mut().for_each(Vec::clear);
            }
            up => {
                let rows: usize = up.strip_prefix('[').unwrap().strip_suffix('A').unwrap().parse().unwrap();
                self.row = self.row.saturating_sub(rows).max(self.top());
            }
        }
    }
}

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        let mut cells = self.0.lock().unwrap();
        std::str::from_utf8(bytes).unwrap().chars().for_each(|character| cells.write(character));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}
