//! `docs/picture.svg`: a login and a refusal, as a real terminal shows them. The
//! script `docs/picture` makes it anew.

use std::fmt::Write;
use std::num::NonZero;

use crate::login::{Login, sources};
use crate::support::{Instance, PROMPT, Terminal, read};

const COLUMNS: u16 = 118;
const ROWS: u16 = 31;

/// The size of a cell.
const WIDTH: f32 = 8.4;
const HEIGHT: f32 = 18.0;
const MARGIN: f32 = 16.0;

/// An instance of production whose checkout is tidy.
fn production() -> Login {
    let instance = Instance::of("production");
    let config = instance.config_text().replace("name: develop-eks", "name: production-eks");
    instance.write("config.yaml", &config);
    instance.write("m/overlays/production/kustomization.yaml", "bases: [../../base]\n");
    instance.commit();
    instance.envguard(&["tidy"]).exits(0);
    Login::of(instance)
}

/// What the terminal got, without what differs between machines.
fn recording() -> String {
    let place = production();
    let mut terminal = {
        place.home(".bashrc", &format!("PS1='{PROMPT}'\n{}", place.hook("bash")));
        let mut shell = place.command("/usr/bin/bash", &[]);
        shell.env("TERM", "xterm-256color");
        Terminal::sized(&shell, COLUMNS, ROWS)
    };
    terminal.first_prompt();
    terminal.run("kubectl apply -k overlays/develop");
    let raw = String::from_utf8(terminal.raw.clone()).unwrap();
    let raw = raw.replace(place.instance.checkout().to_str().unwrap(), "/srv/manifests");
    let raw = raw.replace(
        "https://pinned.example.test",
        "https://0123456789ABCDEF.gr7.ap-northeast-1.eks.amazonaws.com",
    );
    let lines = raw.split('\n').map(|line| match line.trim_end_matches('\r') {
        line if line.starts_with("  instance ") => "  instance   ip-10-0-12-34, up 3 h\r",
        line if line.starts_with("  checkout ") => "  checkout   /srv/manifests  main 1a2b3c4\r",
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n").replace(PROMPT, "$ ")
}

/// The colours of a terminal, readable on a dark ground.
fn colour(colour: vt100::Color) -> Option<&'static str> {
    let vt100::Color::Idx(index) = colour else { return None };
    Some(match index {
        1 | 9 => "#f85149",
        2 | 10 => "#7ee787",
        3 | 11 => "#f2cc60",
        4 | 12 => "#79c0ff",
        5 | 13 => "#d2a8ff",
        6 | 14 => "#76e3ea",
        0 | 8 => "#6e7681",
        _ => "#ffffff",
    })
}

/// A stretch of cells that look alike.
#[derive(PartialEq)]
struct Look {
    colour: &'static str,
    ground: Option<&'static str>,
    is_bold: bool,
    is_block: bool,
}

fn svg(screen: &vt100::Screen, rows: u16) -> String {
    let [width, height] = [f32::from(COLUMNS) * WIDTH, f32::from(rows) * HEIGHT];
    let [whole_width, whole_height] = [width, height].map(|size| size + 2.0 * MARGIN);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {whole_width:.1} {whole_height:.1}\" font-family=\"ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace\" font-size=\"14\">\n<rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#0d1117\"/>\n"
    );
    for row in 0..rows {
        let mut column = 0;
        while column < COLUMNS {
            let (look, text) = stretch(screen, row, column);
            let length = u16::try_from(text.chars().count()).unwrap();
            draw(&mut out, row, column, &look, &text);
            column += length;
        }
    }
    out.push_str("</svg>\n");
    out
}

/// The cells from `column` on that look like the first one.
fn stretch(screen: &vt100::Screen, row: u16, column: u16) -> (Look, String) {
    let look = |column: u16| {
        let cell = screen.cell(row, column).unwrap();
        let is_block = cell.contents() == "█";
        let [colour, ground] = [cell.fgcolor(), cell.bgcolor()].map(colour);
        let colour = colour.unwrap_or("#c9d1d9");
        let contents = if cell.contents().is_empty() { " " } else { cell.contents() };
        (Look { colour, ground, is_bold: cell.bold(), is_block }, contents.to_owned())
    };
    let (first, mut text) = look(column);
    for next in column + 1..COLUMNS {
        let (same, contents) = look(next);
        if same != first {
            break;
        }
        text.push_str(&contents);
    }
    (first, text)
}

fn draw(out: &mut String, row: u16, column: u16, look: &Look, text: &str) {
    let visible = text.trim_end();
    if visible.is_empty() {
        return;
    }
    let x = MARGIN + f32::from(column) * WIDTH;
    let y = MARGIN + f32::from(row) * HEIGHT;
    let width = f32::from(u16::try_from(visible.chars().count()).unwrap()) * WIDTH;
    // Fonts leave gaps between blocks; a terminal does not.
    if let Some(fill) = look.ground.or(look.is_block.then_some(look.colour)) {
        writeln!(out, "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{HEIGHT:.1}\" fill=\"{fill}\" shape-rendering=\"crispEdges\"/>")
            .unwrap();
    }
    if look.is_block {
        return;
    }
    let weight = if look.is_bold { " font-weight=\"bold\"" } else { "" };
    let fill = look.colour;
    let y = y + HEIGHT * 0.75;
    let text = visible.replace('&', "&amp;").replace('<', "&lt;");
    writeln!(out, "<text x=\"{x:.1}\" y=\"{y:.1}\" textLength=\"{width:.1}\" xml:space=\"preserve\" fill=\"{fill}\"{weight}>{text}</text>")
        .unwrap();
}

#[test]
fn the_picture_is_what_a_terminal_shows() {
    let raw = recording();
    let [rows, columns] = [ROWS, COLUMNS].map(|size| NonZero::new(size).unwrap());
    let mut parser = vt100::Parser::new(rows, columns, 0);
    parser.process(raw.as_bytes());
    let shown = parser.screen().contents();
    for part in [
        "This is  PRODUCTION  kubectl instance.",
        "refused (target-foreign)",
        "overlays/production",
    ] {
        assert!(shown.contains(part), "{part} is not on the screen:\n{shown}");
    }
    // It has not scrolled: the banner stands on it from its first line.
    assert!(shown.lines().take(3).any(|line| line.contains("████")), "{shown}");
    // Without the prompt that waits for the next command.
    let rows = parser.screen().cursor_position().0;
    let picture = svg(parser.screen(), rows);
    let place = sources().join("docs/picture.svg");
    if std::env::var_os("ENVGUARD_TEST_BLESS").is_some() {
        crate::support::write(&place, &picture);
        return;
    }
    assert_eq!(read(&place), picture, "docs/picture makes it anew:\n{shown}");
}
