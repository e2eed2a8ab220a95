//! Each row of the decoding was tried with kubectl 1.20 and 1.36
//! (`create --dry-run=client -f -`).

use super::*;

fn cm(name: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n")
}

fn json(name: &str) -> String {
    format!("{{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{{\"name\":\"{name}\"}}}}")
}

fn names(bytes: &[u8]) -> Vec<String> {
    let found = objects(bytes).unwrap();
    found.iter().map(|object| object.token().unwrap_or("?").to_owned()).collect()
}

fn wide(text: &str, order: fn(u16) -> [u8; 2]) -> Vec<u8> {
    let units = std::iter::once(0xfeff).chain(text.encode_utf16());
    units.flat_map(order).collect()
}

#[test]
fn streams_have_the_objects_that_kubectl_sees() {
    let (a, b, c) = (cm("a"), cm("b"), json("c"));
    let (ja, jb) = (json("a"), json("b"));
    for (text, expected) in [
        (format!("{a}---\n{b}"), &["a", "b"][..]),
        (format!("\u{feff}{a}"), &["a"]),
        (format!("---\n---\n{a}---\n\n# nothing\n---\n{b}---\n"), &["a", "b"]),
        (format!("{a}---   # x\n{b}"), &["a", "b"]),
        (format!("{a}---\r\n{b}"), &["a", "b"]),
        (format!("{a}---\n{b}").replace('\n', "\r\n"), &["a", "b"]),
        (format!("{a}---\n{c}"), &["a", "c"]),
        (format!("{ja}{jb}\n{c}"), &["a", "b", "c"]),
        (format!("  \n{ja}\n---\n{jb}"), &["a", "b"]),
        (format!("{ja}\n---\n{b}"), &["a", "b"]),
        (format!("# x\n{ja}\n"), &["a"]),
        (format!("{a}...\n{b}"), &["a"]),
        ("a: |\n  ---\n  b\n".into(), &["?"]),
        ("{apiVersion: v1, kind: List, items: [{kind: A, metadata: {name: a}}]}".into(), &["a"]),
        (
            "kind: ConfigMapList\nitems:\n- kind: List\n  items: [{metadata: {name: a}}]\n".into(),
            &["a"],
        ),
        ("kind: AllowList\nmetadata: {name: a}\nitems: none\n".into(), &["a"]),
        ("metadata: {name: b}\nmetadata: {name: a}\n".into(), &["a"]),
        ("x: &x {name: a}\nmetadata:\n  <<: *x\n".into(), &["a"]),
        ("metadata: {generateName: a-}\n".into(), &["a-"]),
        ("null\n---\n{}\n---\n~\n".into(), &[]),
        (String::new(), &[]),
    ] {
        assert_eq!(names(text.as_bytes()), expected, "{text:?}");
    }
    assert_eq!(names(&wide(&format!("{a}---\n{b}"), u16::to_le_bytes)), ["a", "b"]);
    assert_eq!(names(&wide(&a, u16::to_be_bytes)), ["a"]);
    assert_eq!(names(b"metadata: {name: a}\ndata: {x: \"\xff\"}\n"), ["a"]);
}

#[test]
fn equal_is_what_kubectl_would_send_alike() {
    let one = |text: &str| objects(text.as_bytes()).unwrap().remove(0);
    let web =
        one("kind: A\nmetadata: {name: web}\nspec: {mode: 0644, on: yes, n: 1, list: [x, y]}\n");
    for same in [
        "# note\nspec:\n  list:\n  - x\n  - 'y'\n  n: 1\n  mode: 420\n  on: true\nmetadata:\n  name: \"web\"\nkind: A\n",
        "{\"kind\":\"A\",\"metadata\":{\"name\":\"web\",\"creationTimestamp\":null},\"spec\":{\"mode\":420,\"on\":true,\"n\":1.0,\"list\":[\"x\",\"y\"]}}",
        "kind: A\r\nmetadata: {name: web}\r\nspec: {mode: 0o644, on: On, n: 1, list: &l [x, y]}\r\n",
        "kind: !!str A\nmetadata: {name: w\n}\nmetadata: {name: web}\nspec: {mode: 420, on: yes, n: 1, list: [x, y]}\n",
    ] {
        assert_eq!(one(same), web, "{same}");
    }
    for other in [
        "kind: A\nmetadata: {name: web}\nspec: {mode: 0644, on: yes, n: 1, list: [y, x]}\n",
        "kind: A\nmetadata: {name: web}\nspec: {mode: 0640, on: yes, n: 1, list: [x, y]}\n",
        "kind: A\nmetadata: {name: web, namespace: x}\nspec: {mode: 0644, on: yes, n: 1, list: [x, y]}\n",
        "kind: B\nmetadata: {name: web}\nspec: {mode: 0644, on: yes, n: 1, list: [x, y]}\n",
    ] {
        assert_ne!(one(other), web, "{other}");
    }
    assert_eq!(web.label(), "A web");
}

#[test]
fn a_text_without_the_name_cannot_hold_the_object() {
    let tokens = BTreeSet::from(["web", "system:x"]);
    for (text, expected) in [
        ("metadata: {name: web}", true),
        ("metadata: {name: 'web'}", true),
        ("{\"name\":\"web\"}", true),
        ("name: web # note", true),
        ("web: x", true),
        ("name: system:x", true),
        ("name: website", false),
        ("name: web-1", false),
        ("name: \"w\\x65b\"", true),
        ("name: w\u{0}", true),
        ("name: db", false),
    ] {
        assert_eq!(may_hold(text.as_bytes(), &tokens), expected, "{text}");
    }
    assert!(may_hold(b"\xff", &tokens));
}

#[test]
fn hostile_streams_end_at_once() {
    let bomb = (0..9).fold("a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned(), |text, n| {
        format!("{text}a{}: &a{} [{}]\n", n + 1, n + 1, vec![format!("*a{n}"); 9].join(","))
    });
    for text in [
        "[".repeat(100_000),
        "{a: ".repeat(50_000),
        format!("a: '\n{}", "[".repeat(100_000)),
        format!("- x\r- {}", "[".repeat(100_000)),
        format!("--- {}", "[".repeat(100_000)),
        format!("[&a{}", "[".repeat(100_000)),
        format!("[a:'{}'", "[".repeat(100_000)),
        format!("a: foo\n  'bar\nb: {}\nc: '", "[".repeat(100_000)),
        "- ".repeat(100_000),
        "a: &a [*a]".to_owned(),
        "a: [".to_owned(),
        "a: \u{0}".to_owned(),
        bomb,
    ] {
        assert!(objects(text.as_bytes()).is_err(), "{text:.40}");
        assert!(readable_objects(text.as_bytes()).is_empty(), "{text:.40}");
    }
    let mixed = format!("{}---\na: [\n---\n{}", cm("a"), cm("b"));
    assert_eq!(objects(mixed.as_bytes()).unwrap_err().document, 2);
    assert_eq!(readable_objects(mixed.as_bytes()).len(), 2);
}

#[test]
fn only_brackets_that_count_are_counted() {
    let many = |text: &str| text.repeat(200);
    for (text, expected) in [
        ("a: [b, {c: [d]}]\ne: {}\n".to_owned(), 3),
        (many("- 'x ['\n"), 0),
        (many("- \"x [ \\\" {\"\n"), 0),
        (many("- it's [ {\n"), 0),
        (many("a: x [\n"), 0),
        (format!("a: |\n{}b: [x]\n", many("  if [ -f {\n")), 1),
        (format!("- a: |-\n{}  b: [[x]]\n", many("    [ [\n\n")), 2),
        (format!("a: > # note\n{}", many("   [\n")), 0),
        (format!("a: \"{}\"\nb: [x]\n", many("[\n  ")), 1),
        (many("# [ [ [\n"), 0),
        ("{\"a\":{\"b\":[1]}}".to_owned(), 3),
        ("a: &x [1]\nb: !!seq [2]\n".to_owned(), 1),
        ("a: |\nb: [[1]]\n".to_owned(), 2),
        ("- - - [1]\n- |\n  [\n- [[2]]\n".to_owned(), 2),
        ("[a, 'it''s [', \"[\", b:c, d]\n".to_owned(), 1),
    ] {
        assert_eq!(depth::deepest_flow(&text), expected, "{text:.60}");
    }
}

/// Random YAML whose depth of brackets is known.
struct Writer {
    dice: u64,
    text: String,
}

impl Writer {
    fn roll(&mut self, sides: usize) -> usize {
        self.dice ^= self.dice >> 12;
        self.dice ^= self.dice << 25;
        self.dice ^= self.dice >> 27;
        (self.dice.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % sides
    }

    fn pick(&mut self, options: &[&str]) -> String {
        options[self.roll(options.len())].to_owned()
    }

    /// A block collection; returns the depth of brackets in it.
    fn block(&mut self, indent: usize, left: usize) -> usize {
        let mut deepest = 0;
        let is_list = self.roll(2) == 0;
        for number in 0..=self.roll(3) {
            let pad = " ".repeat(indent);
            let key = self.pick(&["k", "'k'", "\"k [\""]);
            let key = key.replace('k', &format!("k{number}"));
            let head = if is_list { "- ".to_owned() } else { format!("{key}: ") };
            let property = self.pick(&["", "", "!!str ", "&x1 "]);
            self.text.push_str(&format!("{pad}{head}"));
            let inner = " ".repeat(indent + 3);
            match self.roll(7) {
                0 if left > 0 => {
                    self.text.push_str("# [ note\n");
                    deepest = deepest.max(self.block(indent + 2, left - 1));
                }
                1 => self.text.push_str(&format!("{property}|\n{inner}[ {{\n\n{inner} '[\n")),
                2 => self.text.push_str(&format!("\"[\n{inner}a: [ \\\" {{\" # [\n")),
                3 => self.text.push_str(&format!("'[ it''s\n{inner}- ['\n")),
                4 => self.text.push_str(&format!("plain [ {{\n{inner}'goes [ on\n")),
                _ => {
                    let property = property.replace("!!str ", "");
                    self.text.push_str(&property);
                    deepest = deepest.max(self.flow(4));
                    self.text.push('\n');
                }
            }
        }
        deepest
    }

    fn flow(&mut self, left: usize) -> usize {
        let (open, close) = if self.roll(2) == 0 { ('[', ']') } else { ('{', '}') };
        self.text.push(open);
        let mut deepest = 0;
        for number in 0..self.roll(4) {
            let gap = self.pick(&["", " ", "\n      ", " # [ '\n      "]);
            self.text.push_str(&gap);
            if open == '{' {
                let key = self.pick(&["\"k\":", "'k': ", "k: "]);
                self.text.push_str(&key.replace('k', &format!("k{number}")));
            }
            if left > 0 && self.roll(2) == 0 {
                deepest = deepest.max(self.flow(left - 1));
            } else {
                let scalar = self.pick(&["'['", "\"{ \\\" [\"", "it's", "a-b", "&y1 z", "x:y"]);
                self.text.push_str(&scalar);
            }
            self.text.push(',');
        }
        self.text.push(close);
        deepest + 1
    }
}

#[test]
fn brackets_of_real_yaml_are_never_missed() {
    for seed in 1..3_000_u64 {
        let mut writer =
            Writer { dice: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1, text: String::new() };
        let deepest = writer.block(0, 3);
        let text = writer.text;
        let parsed = serde_yaml::Deserializer::from_str(&text).next().map(Node::deserialize);
        assert!(matches!(parsed, Some(Ok(_))), "seed {seed}: {parsed:?}\n{text}");
        let found = depth::deepest_flow(&text);
        assert_eq!(found, deepest, "seed {seed}\n{text}");
        let breaks = text.replace('\n', "\u{2028}");
        assert_eq!(depth::deepest_flow(&breaks), deepest, "seed {seed}\n{text}");
    }
}
