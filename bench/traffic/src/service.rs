//! Who is in the shop: the services, what they are written in, where they run, and the origin their spans carry.

use model::{AttrValue, Attrs, Origin};

use crate::rng::mix;
use crate::value::{int, text};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    Dotnet,
    Go,
    Java,
    Node,
    Python,
}

/// The instrumentation library a span comes from; it becomes the scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Library {
    HttpServer,
    HttpClient,
    Grpc,
    Sql,
    Cache,
    Queue,
    /// Spans the service's own code makes.
    Own,
}

#[derive(Debug, PartialEq)]
pub struct Service {
    pub name: &'static str,
    pub language: Language,
    pub version: &'static str,
    pub instances: u64,
    pub port: u16,
}

const fn service(
    name: &'static str,
    language: Language,
    version: &'static str,
    instances: u64,
    port: u16,
) -> Service {
    Service { name, language, version, instances, port }
}

pub static EDGE: Service = service("edge-gateway", Language::Go, "1.14.2", 3, 8080);
pub static WEB: Service = service("web-frontend", Language::Node, "5.21.0", 3, 3000);
pub static AUTH: Service = service("auth", Language::Go, "2.3.1", 2, 9000);
pub static CATALOG: Service = service("catalog", Language::Java, "3.8.4", 3, 8081);
pub static SEARCH: Service = service("search", Language::Python, "1.9.0", 2, 8000);
pub static CART: Service = service("cart", Language::Dotnet, "4.2.7", 2, 5000);
pub static CHECKOUT: Service = service("checkout", Language::Java, "6.0.3", 2, 8082);
pub static PAYMENTS: Service = service("payments", Language::Go, "2.11.5", 2, 9001);
pub static FRAUD: Service = service("fraud", Language::Python, "0.7.2", 2, 8001);
pub static PRICING: Service = service("pricing", Language::Go, "1.5.9", 2, 9002);
pub static INVENTORY: Service = service("inventory", Language::Java, "2.2.0", 2, 8083);
pub static SHIPPING: Service = service("shipping", Language::Node, "1.17.3", 2, 3001);
pub static RECOMMENDATIONS: Service = service("recommendations", Language::Python, "2.7.3", 2, 8002);
pub static REVIEWS: Service = service("reviews", Language::Dotnet, "1.1.8", 2, 5001);
pub static NOTIFICATIONS: Service = service("notifications", Language::Node, "3.4.1", 2, 3002);
pub static MAIL: Service = service("mail-worker", Language::Python, "1.0.12", 1, 8003);
pub static FULFILMENT: Service = service("fulfilment", Language::Java, "1.6.6", 2, 8084);

pub static ALL: [&Service; 17] = [
    &EDGE,
    &WEB,
    &AUTH,
    &CATALOG,
    &SEARCH,
    &CART,
    &CHECKOUT,
    &PAYMENTS,
    &FRAUD,
    &PRICING,
    &INVENTORY,
    &SHIPPING,
    &RECOMMENDATIONS,
    &REVIEWS,
    &NOTIFICATIONS,
    &MAIL,
    &FULFILMENT,
];

const HOSTS: u64 = 6;
const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.37.0";

/// The machine an instance runs on: `node-1` to `node-6`.
pub fn host_of(service: &Service, instance: u64) -> String {
    format!("node-{}", (u64::from(service.port) + instance * 5) % HOSTS + 1)
}

pub fn origin(service: &Service, instance: u64, version: &str, library: Library) -> Origin {
    let (scope_name, scope_version) = scope_of(service, library);
    Origin {
        resource: resource(service, instance, version),
        resource_schema_url: SCHEMA_URL.to_owned(),
        scope_name: scope_name.to_owned(),
        scope_version: scope_version.to_owned(),
        scope_schema_url: if library == Library::Own { String::new() } else { SCHEMA_URL.to_owned() },
        ..Origin::default()
    }
}

fn resource(service: &Service, instance: u64, version: &str) -> Attrs {
    // The same instance has the same ids for ever, but a new release means a new pod.
    let pod = mix(name_hash(service.name) ^ name_hash(version) ^ instance);
    let host = host_of(service, instance);
    let (language, sdk, runtime, runtime_version) = runtime_of(service.language);
    let attributes: [(&str, AttrValue); 18] = [
        ("service.name", text(service.name)),
        ("service.namespace", text("shop")),
        ("service.version", text(version)),
        ("service.instance.id", text(uuid(pod))),
        ("deployment.environment.name", text("production")),
        ("cloud.region", text("eu-central-1")),
        ("host.name", text(host.as_str())),
        ("host.arch", text("amd64")),
        ("k8s.cluster.name", text("shop-prod-1")),
        ("k8s.namespace.name", text("shop")),
        ("k8s.deployment.name", text(service.name)),
        ("k8s.pod.name", text(format!("{}-{:08x}-{:05x}", service.name, pod >> 32, pod & 0xf_ffff))),
        ("k8s.node.name", text(host)),
        ("process.pid", int(1 + (pod % 40) as i64)),
        ("process.runtime.name", text(runtime)),
        ("process.runtime.version", text(runtime_version)),
        ("telemetry.sdk.language", text(language)),
        ("telemetry.sdk.version", text(sdk)),
    ];
    let mut out: Attrs = attributes.into_iter().map(|(k, v)| (k.to_owned(), v)).collect();
    out.push(("telemetry.sdk.name".to_owned(), text("opentelemetry")));
    out
}

fn runtime_of(language: Language) -> (&'static str, &'static str, &'static str, &'static str) {
    match language {
        Language::Dotnet => ("dotnet", "1.12.0", ".NET", "9.0.4"),
        Language::Go => ("go", "1.38.0", "go", "go1.25.1"),
        Language::Java => ("java", "1.54.0", "OpenJDK Runtime Environment", "21.0.8+9"),
        Language::Node => ("nodejs", "2.1.0", "nodejs", "22.19.0"),
        Language::Python => ("python", "1.37.0", "cpython", "3.13.7"),
    }
}

fn scope_of(service: &Service, library: Library) -> (&'static str, &'static str) {
    use Library::{Cache, Grpc, HttpClient, HttpServer, Own, Queue, Sql};
    match (service.language, library) {
        (_, Own) => (service.name, service.version),
        (Language::Go, HttpServer | HttpClient) => {
            ("go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp", "0.63.0")
        }
        (Language::Go, Grpc) => {
            ("go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc", "0.63.0")
        }
        (Language::Go, Sql) => ("github.com/XSAM/otelsql", "0.40.0"),
        (Language::Go, Cache) => ("github.com/redis/go-redis/extra/redisotel", "9.14.0"),
        (Language::Go, Queue) => ("github.com/dnwe/otelsarama", "0.9.0"),
        (Language::Java, HttpServer) => ("io.opentelemetry.tomcat-10.0", "2.19.0-alpha"),
        (Language::Java, HttpClient) => ("io.opentelemetry.java-http-client", "2.19.0-alpha"),
        (Language::Java, Grpc) => ("io.opentelemetry.grpc-1.6", "2.19.0-alpha"),
        (Language::Java, Sql) => ("io.opentelemetry.jdbc", "2.19.0-alpha"),
        (Language::Java, Cache) => ("io.opentelemetry.lettuce-5.1", "2.19.0-alpha"),
        (Language::Java, Queue) => ("io.opentelemetry.kafka-clients-2.6", "2.19.0-alpha"),
        (Language::Node, HttpServer | HttpClient) => ("@opentelemetry/instrumentation-http", "0.204.0"),
        (Language::Node, Grpc) => ("@opentelemetry/instrumentation-grpc", "0.204.0"),
        (Language::Node, Sql) => ("@opentelemetry/instrumentation-pg", "0.57.0"),
        (Language::Node, Cache) => ("@opentelemetry/instrumentation-ioredis", "0.52.0"),
        (Language::Node, Queue) => ("@opentelemetry/instrumentation-kafkajs", "0.13.0"),
        (Language::Python, HttpServer) => ("opentelemetry.instrumentation.fastapi", "0.58b0"),
        (Language::Python, HttpClient) => ("opentelemetry.instrumentation.httpx", "0.58b0"),
        (Language::Python, Grpc) => ("opentelemetry.instrumentation.grpc", "0.58b0"),
        (Language::Python, Sql) => ("opentelemetry.instrumentation.psycopg", "0.58b0"),
        (Language::Python, Cache) => ("opentelemetry.instrumentation.redis", "0.58b0"),
        (Language::Python, Queue) => ("opentelemetry.instrumentation.confluent_kafka", "0.58b0"),
        (Language::Dotnet, HttpServer) => ("Microsoft.AspNetCore", "9.0.4"),
        (Language::Dotnet, HttpClient) => ("System.Net.Http", "9.0.4"),
        (Language::Dotnet, Grpc) => ("OpenTelemetry.Instrumentation.GrpcNetClient", "1.12.0-beta.1"),
        (Language::Dotnet, Sql) => ("Npgsql", "9.0.3"),
        (Language::Dotnet, Cache) => ("OpenTelemetry.Instrumentation.StackExchangeRedis", "1.12.0-beta.2"),
        (Language::Dotnet, Queue) => ("Confluent.Kafka.Extensions.Diagnostics", "0.4.0"),
    }
}

fn name_hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3))
}

fn uuid(bits: u64) -> String {
    let more = mix(bits);
    format!(
        "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
        bits >> 32,
        (bits >> 16) & 0xffff,
        bits & 0xfff,
        more >> 52,
        more & 0xffff_ffff_ffff
    )
}
