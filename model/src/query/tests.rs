//! The corpus holds: what is right is read and printed, what is wrong is told at the right characters. Generated trees
//! survive print and parse; random texts never panic.

use proptest::prelude::*;

use super::*;

pub(in crate::query) mod generate;

fn lines(corpus: &'static str) -> impl Iterator<Item = &'static str> {
    corpus.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty())
}

/// A tree without its byte ranges, to be compared.
fn shape(query: &Query) -> String {
    let text = format!("{query:?}");
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find(", at: ") {
        out.push_str(&rest[..at]);
        rest = rest[at + 6..].trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    }
    out + rest
}

fn read_or_panic(text: &str) -> Query {
    read(text).unwrap_or_else(|problems| panic!("{text}\n{problems:#?}"))
}

#[test]
fn what_is_right_is_read_and_printed() {
    for line in lines(include_str!("corpus/valid.txt")) {
        let (text, printed) = line.split_once(" => ").unwrap_or((line, line));
        let query = read_or_panic(text);
        assert_eq!(print(&query), printed.trim(), "{text}");
        assert_eq!(shape(&read_or_panic(printed.trim())), shape(&query), "{text}");
    }
}

#[test]
fn a_plain_query_can_be_said_in_traceql() {
    let said = |text: &str| print_traceql(&read_or_panic(text));
    assert_eq!(said("cart error"), r#"{ "cart" && status = error }"#);
    assert_eq!(said("user_id=12345"), r#"{ (.user_id = 12345 || .user_id = "12345") }"#);
    assert_eq!(said("ok!=true"), r#"{ (.ok != true && .ok != "true") }"#);
    assert_eq!(said(""), "{ }");
    for line in lines(include_str!("corpus/valid.txt")) {
        let query = read_or_panic(line.split(" => ").next().unwrap());
        let traceql = print_traceql(&query);
        read_or_panic(&traceql);
    }
}

/// Whether one of the problems stands at these characters (`$`: the end) and says these words.
fn fault_of(line: &str) -> Option<String> {
    let parts: Vec<&str> = line.splitn(3, " => ").collect();
    let [text, place, words] = parts[..] else { panic!("not a line of the corpus: {line}") };
    let Err(problems) = read(text) else { return Some(format!("{line}: nothing is wrong with it")) };
    let is_told = problems.iter().any(|problem| {
        let found =
            if problem.at.start >= text.len() { "$" } else { &text[problem.at.start..problem.at.end] };
        found.trim() == place && (problem.message.contains(words) || problem.hint.contains(words))
    });
    for problem in &problems {
        assert!(!problem.message.is_empty() && !problem.hint.is_empty(), "{line}: {problem:?}");
        assert!(text.get(problem.at.start..problem.at.end).is_some(), "{line}: {problem:?}");
    }
    (!is_told).then(|| format!("{line}\n{problems:#?}"))
}

#[test]
fn what_the_grammar_refuses_is_told_where_it_stands() {
    let faults: Vec<String> = lines(include_str!("corpus/parse_fails.txt")).filter_map(fault_of).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn what_does_not_fit_is_told_where_it_stands() {
    let faults: Vec<String> = lines(include_str!("corpus/check_fails.txt")).filter_map(fault_of).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn one_text_can_have_several_problems() {
    let text = r#"{ duration > "x" && foo = 1 && status = 5 && .ok = 1 } | avg(name) > 1 | count()"#;
    let problems = inspect(text).problems;
    let places: Vec<&str> = problems.iter().map(|p| &text[p.at.start..p.at.end]).collect();
    assert_eq!(places, ["\"x\"", "foo", "5", "name", "count()"]);
}

#[test]
fn depth_and_length_are_bounded() {
    let deep = |open: &str, inner: &str, close: &str| {
        format!("{}{inner}{}", open.repeat(5_000), close.repeat(5_000))
    };
    let queries = [
        format!("{{ {} }}", deep("(", ".a", ")")),
        format!("{{ {}.a }}", "!".repeat(9_000)),
        format!("{{ {}.a }}", "-".repeat(9_000)),
        format!("{{ .a{} = 1 }}", " + 1".repeat(3_000)),
        format!("{{ .a{} = 1 }}", " ^ 1".repeat(3_000)),
        format!("{{ }}{}", " > { }".repeat(2_000)),
        deep("(", "{ }", ")"),
        deep("(", "a", ")"),
        format!("{}a", "-".repeat(9_000)),
        format!("{}a", "NOT ".repeat(4_000)),
        "x".repeat(MAX_BYTES + 1),
    ];
    for text in &queries {
        let problems = read(text).expect_err("bounded");
        assert!(problems.len() <= MAX_PROBLEMS, "{}", &text[..40]);
    }
    // Long but flat is fine: a list of ids someone pasted.
    let ids: Vec<String> = (0..300).map(|i| format!("trace:id = \"{:032x}\"", i + 1)).collect();
    read_or_panic(&format!("{{ {} }}", ids.join(" || ")));
}

#[test]
fn the_form_is_told_by_the_first_character() {
    for text in ["{}", "  { status = error", "(({ }) && { })"] {
        assert_eq!(form_of(text), Form::TraceQl, "{text}");
    }
    for text in ["", "cart", "(cart OR x)", "GET /v1/{id}", "\"{\"", "-{"] {
        assert_eq!(form_of(text), Form::Plain, "{text}");
    }
}

#[test]
fn every_part_has_its_ink() {
    let inks = |text: &str| {
        let parts = ink(text);
        assert!(parts.windows(2).all(|w| w[0].at.end <= w[1].at.start), "{text}: {parts:?}");
        let shown = parts.iter().map(|part| format!("{:?}:{}", part.ink, &text[part.at.start..part.at.end]));
        shown.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        inks("cart -error user_id=5 (service=x OR duration>1s) | rate()"),
        "Word:cart Keyword:- Constant:error Attribute:user_id Operator:= Number:5 Bracket:( Field:service Operator:= \
         Text:x Keyword:OR Field:duration Operator:> Number:1s Bracket:) Bracket:| Function:rate Bracket:( Bracket:)"
    );
    assert_eq!(
        inks("{ .a = \"x\" && kind = server"),
        "Bracket:{ Attribute:.a Operator:= Text:\"x\" Operator:&& Field:kind Operator:= Constant:server"
    );
}

#[test]
fn segments_cover_the_text_and_mark_what_is_wrong() {
    let wrong = |text: &str| {
        let segments = segments(text, &inspect(text).problems);
        let joined: String = segments.iter().map(|s| &text[s.at.start..s.at.end]).collect();
        assert_eq!(joined, text);
        segments
            .iter()
            .filter(|s| s.is_wrong)
            .map(|s| &text[s.at.start..s.at.end])
            .collect::<Vec<_>>()
            .concat()
    };
    assert_eq!(wrong("{ duration > \"x\" && .a = 1 }"), "\"x\"");
    assert_eq!(wrong("cart user_id="), "user_id=");
    assert_eq!(wrong("cart error"), "");
    let end = segments("{ } |", &inspect("{ } |").problems);
    assert!(end.last().is_some_and(|s| s.is_wrong && s.at.start == 5), "{end:?}");
}

#[test]
fn the_guide_tells_the_truth() {
    let guide = include_str!("../../../docs/query-language.md");
    let mut examples = 0;
    for block in guide.split("```skein\n").skip(1) {
        for line in block.split("```").next().unwrap().lines().filter(|line| !line.is_empty()) {
            read_or_panic(line.split("  # ").next().unwrap().trim());
            examples += 1;
        }
    }
    assert!(examples >= 30, "{examples}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_tree_is_printed_and_read_back(query in generate::query()) {
        let text = print(&query);
        let inspected = inspect(&text);
        prop_assert_eq!(shape(&inspected.query), shape(&query), "{}", text);
        prop_assert_eq!(print(&inspected.query), text);
    }

    #[test]
    fn any_plain_tree_is_printed_and_read_back(query in generate::plain_query()) {
        let text = print(&query);
        prop_assert_eq!(form_of(&text), Form::Plain, "{}", text);
        let inspected = inspect(&text);
        prop_assert_eq!(shape(&inspected.query), shape(&query), "{}", text);
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,60}") {
        for text in [text.clone(), format!("{{ {text}")] {
            inspect(&text);
            ink(&text);
        }
    }

    #[test]
    fn no_soup_of_tokens_panics(words in prop::collection::vec(generate::scrap(), 0..24), glue in "[ ]{0,1}") {
        let text = words.join(&glue);
        let inspected = inspect(&text);
        for problem in &inspected.problems {
            prop_assert!(text.get(problem.at.start..problem.at.end).is_some(), "{}: {:?}", text, problem);
        }
        if inspected.problems.is_empty() {
            let printed = print(&inspected.query);
            prop_assert_eq!(shape(&read_or_panic(&printed)), shape(&inspected.query), "{} -> {}", text, printed);
        }
    }
}
