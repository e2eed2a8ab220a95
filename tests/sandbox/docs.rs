//! docs/sandbox.md and the program say the same.

use kubectl_envguard::sandbox::effects::EFFECTS;

#[test]
fn the_effects_in_the_docs_are_the_ones_the_program_knows() {
    let page = include_str!("../../docs/sandbox.md");
    let (_, table) = page.split_once("<!-- effects -->\n").unwrap();
    let (table, _) = table.split_once("<!-- /effects -->").unwrap();
    let rows: Vec<&str> = table.lines().skip(2).collect();
    let expected: Vec<String> =
        EFFECTS.iter().map(|effect| format!("| {} | {} |", effect.when, effect.what)).collect();
    assert_eq!(rows, expected);
}
