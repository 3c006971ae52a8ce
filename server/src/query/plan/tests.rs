//! Conditions as SQL, word for word.

use model::query::read;

use super::Conditions;

fn sql(condition: &str) -> (String, Conditions) {
    let query = read(&format!("{{ {condition} }}")).unwrap();
    let mut conditions = Conditions::new();
    let sql = conditions.boolean(query.only_filter().unwrap().unwrap()).unwrap();
    (sql, conditions)
}

#[test]
fn columns_are_compared_as_what_they_are() {
    for (condition, expected) in [
        ("status = error", "(ifNull(s.status = 2, 0))"),
        ("kind = server", "(ifNull(s.kind = 2, 0))"),
        ("duration > 1s", "(ifNull(toInt64(s.duration) > {p0:Int64}, 0))"),
        ("name = \"a\"", "(ifNull(toString(s.operation) = {p0:String}, 0))"),
        ("resource.service.name != \"a\"", "(ifNull(toString(s.service) != {p0:String}, 0))"),
        ("name =~ \"a.*\"", "ifNull(match(toString(s.operation), {p0:String}), 0)"),
        ("!(span:parentID = nil)", "NOT NOT s.parent_id != 0"),
        (
            "event:name = \"e\"",
            "arrayExists((event_name) -> (ifNull(toString(event_name) = {p0:String}, 0)), s.`events.name`)",
        ),
        ("event:name != nil", "arrayExists((event_name) -> 1, s.`events.name`)"),
    ] {
        assert_eq!(sql(condition).0, expected, "{condition}");
    }
}

#[test]
fn an_attribute_is_compared_in_each_type_it_may_have() {
    let (text, _) = sql("span.k = \"v\"");
    assert_eq!(
        text,
        "(ifNull(if(mapContains(s.attr_str, {p0:String}), s.attr_str[{p0:String}], NULL) = {p1:String}, 0))"
    );
    let (number, _) = sql("span.k >= 5");
    assert!(number.contains("s.attr_int[{p0:String}], NULL) >= {p1:Int64}, 0) OR"), "{number}");
    assert!(number.contains("toFloat64(if(mapContains(s.attr_dbl"), "{number}");
}

#[test]
fn only_what_is_needed_is_joined() {
    assert_eq!(sql("span.k = 1 && resource.service.name = \"a\"").1.needs, super::Needs::default());
    assert!(sql("resource.host = span.host").1.needs.origin);
    let parent = sql("parent.k = \"a\"").1.needs;
    assert!(parent.parent && parent.parent_origin && !parent.origin);
    assert!(sql("trace:duration > 1s").1.needs.trace);
}

#[test]
fn what_origins_have_is_looked_up_rather_than_joined() {
    let (text, conditions) = sql(".host = \"a\"");
    assert_eq!(conditions.needs, super::Needs::default());
    assert!(
        text.starts_with("if((mapContains(s.attr_str, {p0:String}) OR"),
        "the span's own goes before: {text}"
    );
    assert!(
        text.contains("s.origin IN (SELECT id FROM origins AS o WHERE tenant = {tenant:String} AND"),
        "{text}"
    );
    let (missing, _) = sql("resource.host = nil");
    assert!(missing.starts_with("NOT s.origin IN ("), "{missing}");
    assert_eq!(sql("\"a\" = resource.host").0, sql("resource.host = \"a\"").0);
}

#[test]
fn the_same_value_is_bound_once() {
    let (_, conditions) = sql("span.k = \"v\" || span.k = \"v\"");
    assert_eq!(conditions.binds.values().len(), 2);
}
