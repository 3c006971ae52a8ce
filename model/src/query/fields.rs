//! What a query can ask about: attributes by scope, and the fields every span and trace has.

/// Whose attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AttributeScope {
    /// The span's own or, when it has none of that name, its resource's.
    Any,
    Span,
    Resource,
    Event,
    Link,
    Instrumentation,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FieldName {
    Intrinsic(Intrinsic),
    Attribute {
        scope: AttributeScope,
        /// The attribute of the span's parent instead of its own.
        of_parent: bool,
        key: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Intrinsic {
    Name,
    Status,
    StatusMessage,
    Kind,
    Duration,
    SpanId,
    ParentId,
    EventName,
    /// From the span's start to the event.
    EventTimeSinceStart,
    LinkTraceId,
    LinkSpanId,
    InstrumentationName,
    InstrumentationVersion,
    TraceId,
    TraceDuration,
    RootName,
    RootService,
    /// Ok, error or partial.
    TraceStatus,
    /// Why a parent is missing, for any orphan of the trace.
    OrphanCause,
    TraceSpanCount,
    TraceErrorCount,
    /// Spans on the longest way from a root to a leaf.
    TraceDepth,
}

/// What a value is, as far as the text tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// An attribute: only the data knows.
    Any,
    Str,
    /// Hexadecimal digits.
    TraceId,
    SpanId,
    Int,
    Float,
    Duration,
    Bool,
    Status,
    TraceStatus,
    Kind,
    Nil,
}

/// The name under which it is printed, other names it is read by, its type, and what it is in a few words.
type Row = (Intrinsic, &'static str, &'static [&'static str], Type, &'static str);

const INTRINSICS: [Row; 22] = [
    (Intrinsic::Name, "name", &["span:name"], Type::Str, "operation of the span"),
    (Intrinsic::Status, "status", &["span:status"], Type::Status, "error, ok or unset"),
    (Intrinsic::Duration, "duration", &["span:duration"], Type::Duration, "how long the span took"),
    (Intrinsic::Kind, "kind", &["span:kind"], Type::Kind, "server, client, internal, …"),
    (
        Intrinsic::StatusMessage,
        "statusMessage",
        &["span:statusMessage"],
        Type::Str,
        "what the span says went wrong",
    ),
    (
        Intrinsic::TraceDuration,
        "trace:duration",
        &["traceDuration"],
        Type::Duration,
        "earliest start to latest end",
    ),
    (Intrinsic::RootName, "trace:rootName", &["rootName"], Type::Str, "operation of the root"),
    (Intrinsic::RootService, "trace:rootService", &["rootServiceName"], Type::Str, "service of the root"),
    (Intrinsic::TraceStatus, "trace:status", &[], Type::TraceStatus, "ok, error or partial"),
    (Intrinsic::TraceSpanCount, "trace:spanCount", &[], Type::Int, "spans in the trace"),
    (Intrinsic::TraceErrorCount, "trace:errorCount", &[], Type::Int, "failed spans in the trace"),
    (Intrinsic::TraceDepth, "trace:depth", &[], Type::Int, "spans from the root to the deepest leaf"),
    (Intrinsic::OrphanCause, "trace:orphanCause", &[], Type::Str, "why a parent is missing"),
    (Intrinsic::TraceId, "trace:id", &[], Type::TraceId, "id of the trace"),
    (Intrinsic::SpanId, "span:id", &[], Type::SpanId, "id of the span"),
    (Intrinsic::ParentId, "span:parentID", &["parent"], Type::SpanId, "id of the parent"),
    (Intrinsic::EventName, "event:name", &[], Type::Str, "name of an event of the span"),
    (
        Intrinsic::EventTimeSinceStart,
        "event:timeSinceStart",
        &[],
        Type::Duration,
        "from the span's start to an event",
    ),
    (Intrinsic::LinkTraceId, "link:traceID", &[], Type::TraceId, "trace a link points to"),
    (Intrinsic::LinkSpanId, "link:spanID", &[], Type::SpanId, "span a link points to"),
    (Intrinsic::InstrumentationName, "instrumentation:name", &[], Type::Str, "library that made the span"),
    (Intrinsic::InstrumentationVersion, "instrumentation:version", &[], Type::Str, "its version"),
];

/// The service is an attribute of the resource like any other, with a name of its own in the plain form.
pub const SERVICE_KEY: &str = "service.name";

impl Intrinsic {
    pub fn all() -> impl Iterator<Item = Intrinsic> {
        INTRINSICS.iter().map(|row| row.0)
    }

    fn row(self) -> &'static Row {
        // Every variant has its row; a test counts them.
        INTRINSICS.iter().find(|row| row.0 == self).unwrap_or(&INTRINSICS[0])
    }

    pub fn name(self) -> &'static str {
        self.row().1
    }

    pub fn value_type(self) -> Type {
        self.row().3
    }

    pub fn about(self) -> &'static str {
        self.row().4
    }

    pub fn of_name(name: &str) -> Option<Intrinsic> {
        INTRINSICS.iter().find(|row| row.1 == name || row.2.contains(&name)).map(|row| row.0)
    }

    /// Asks about the trace as a whole rather than about one span.
    pub fn is_of_trace(self) -> bool {
        self.name().starts_with("trace:")
    }
}

impl AttributeScope {
    /// Those that are written.
    pub const NAMED: [AttributeScope; 5] = [
        AttributeScope::Span,
        AttributeScope::Resource,
        AttributeScope::Event,
        AttributeScope::Link,
        AttributeScope::Instrumentation,
    ];

    /// Empty for the unscoped.
    pub fn name(self) -> &'static str {
        match self {
            AttributeScope::Any => "",
            AttributeScope::Span => "span",
            AttributeScope::Resource => "resource",
            AttributeScope::Event => "event",
            AttributeScope::Link => "link",
            AttributeScope::Instrumentation => "instrumentation",
        }
    }

    pub fn of_name(name: &str) -> Option<AttributeScope> {
        AttributeScope::NAMED.into_iter().find(|scope| scope.name() == name)
    }
}

impl FieldName {
    pub fn attribute(scope: AttributeScope, key: impl Into<String>) -> FieldName {
        FieldName::Attribute { scope, of_parent: false, key: key.into() }
    }

    /// The service of the span.
    pub fn service() -> FieldName {
        FieldName::attribute(AttributeScope::Resource, SERVICE_KEY)
    }

    pub fn is_service(&self) -> bool {
        *self == FieldName::service()
    }

    pub fn value_type(&self) -> Type {
        match self {
            FieldName::Intrinsic(intrinsic) => intrinsic.value_type(),
            FieldName::Attribute { .. } if self.is_service() => Type::Str,
            FieldName::Attribute { .. } => Type::Any,
        }
    }
}

impl Type {
    pub fn is_number(self) -> bool {
        matches!(self, Type::Int | Type::Float)
    }

    pub fn is_id(self) -> bool {
        matches!(self, Type::TraceId | Type::SpanId)
    }

    /// With its article, as it stands in a message.
    pub fn in_words(self) -> &'static str {
        match self {
            Type::Any => "an attribute",
            Type::Str => "a text",
            Type::TraceId => "a trace id",
            Type::SpanId => "a span id",
            Type::Int | Type::Float => "a number",
            Type::Duration => "a duration",
            Type::Bool => "true or false",
            Type::Status => "a status",
            Type::TraceStatus => "a trace status",
            Type::Kind => "a span kind",
            Type::Nil => "nil",
        }
    }

    /// Values that would fit, to show in a hint.
    pub fn examples(self) -> &'static str {
        match self {
            Type::Any => "\"text\", 200, 1.5s or true",
            Type::Str => "\"text\"",
            Type::TraceId => "\"4bf92f3577b34da6a3ce929d0e0e4736\"",
            Type::SpanId => "\"00f067aa0ba902b7\"",
            Type::Int | Type::Float => "100 or 0.5",
            Type::Duration => "200ms, 1.5s or 1m30s",
            Type::Bool => "true or false",
            Type::Status => "error, ok or unset",
            Type::TraceStatus => "error, ok or partial",
            Type::Kind => "server, client, internal, producer or consumer",
            Type::Nil => "nil",
        }
    }
}
