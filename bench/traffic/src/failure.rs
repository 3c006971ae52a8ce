//! How calls fail: what the caller sees, and the exception the span tells of, in the words of its language.

use crate::service::{Language, Service};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Category {
    Timeout,
    /// Something it called failed.
    Upstream,
    Database,
    Declined,
    NotFound,
    Conflict,
    Bug,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    pub category: Category,
    pub message: String,
    pub http_status: u16,
    pub grpc_code: u8,
}

pub type Outcome = Result<(), Failure>;

impl Failure {
    pub fn new(category: Category, message: impl Into<String>) -> Failure {
        let (http_status, grpc_code) = match category {
            Category::Timeout => (504, 4),
            Category::Upstream => (502, 14),
            Category::Database => (503, 14),
            Category::Declined => (402, 9),
            Category::NotFound => (404, 5),
            Category::Conflict => (409, 10),
            Category::Bug => (500, 13),
        };
        Failure { category, message: message.into(), http_status, grpc_code }
    }

    /// What the caller of a failed call makes of it: its own failure, unless it is the customer's.
    pub fn passed_on(&self, call: &str) -> Failure {
        match self.category {
            Category::Declined | Category::NotFound | Category::Conflict => self.clone(),
            Category::Timeout => Failure::new(
                Category::Timeout,
                format!("{call}: deadline exceeded while waiting for an answer"),
            ),
            _ => Failure::new(Category::Upstream, format!("{call}: answered {}", self.http_status)),
        }
    }

    /// Whether the one who answers is to blame, which is when a server span counts as failed.
    pub fn is_fault(&self) -> bool {
        self.http_status >= 500
    }
}

pub fn exception_type(language: Language, category: Category) -> &'static str {
    use Category::{Bug, Conflict, Database, Declined, NotFound, Timeout, Upstream};
    match (language, category) {
        (Language::Java, Timeout) => "java.net.SocketTimeoutException",
        (Language::Java, Upstream) => "org.springframework.web.client.HttpServerErrorException$BadGateway",
        (Language::Java, Database) => "org.postgresql.util.PSQLException",
        (Language::Java, Declined) => "com.example.shop.payment.PaymentDeclinedException",
        (Language::Java, NotFound) => "com.example.shop.NotFoundException",
        (Language::Java, Conflict) => "com.example.shop.OutOfStockException",
        (Language::Java, Bug) => "java.lang.NullPointerException",
        (Language::Python, Timeout) => "httpx.ReadTimeout",
        (Language::Python, Upstream) => "httpx.HTTPStatusError",
        (Language::Python, Database) => "psycopg.OperationalError",
        (Language::Python, Bug) => "KeyError",
        (Language::Python, _) => "shop.errors.RequestError",
        (Language::Node, Timeout) => "TimeoutError",
        (Language::Node, Upstream) => "AxiosError",
        (Language::Node, Database) => "DatabaseError",
        (Language::Node, Bug) => "TypeError",
        (Language::Node, _) => "HttpError",
        (Language::Go, Timeout) => "context.deadlineExceededError",
        (Language::Go, Upstream) => "*url.Error",
        (Language::Go, Database) => "*pgconn.PgError",
        (Language::Go, Declined) => "*payments.DeclinedError",
        (Language::Go, _) => "*errors.errorString",
        (Language::Dotnet, Timeout) => "System.Threading.Tasks.TaskCanceledException",
        (Language::Dotnet, Upstream) => "System.Net.Http.HttpRequestException",
        (Language::Dotnet, Database) => "Npgsql.NpgsqlException",
        (Language::Dotnet, Bug) => "System.NullReferenceException",
        (Language::Dotnet, _) => "Shop.RequestFailedException",
    }
}

/// A stack trace of several lines, as the language prints one.
pub fn stack_trace(service: &Service, operation: &str, failure: &Failure) -> String {
    let kind = exception_type(service.language, failure.category);
    let what = identifier(operation);
    let (name, message) = (service.name.replace('-', "_"), failure.message.as_str());
    match service.language {
        Language::Java => format!(
            "{kind}: {message}\n\tat com.example.shop.{name}.{what}Service.load({what}Service.java:87)\n\tat \
             com.example.shop.{name}.{what}Service.{what}({what}Service.java:54)\n\tat \
             com.example.shop.{name}.{what}Controller.handle({what}Controller.java:41)\n\tat \
             java.base/jdk.internal.reflect.DirectMethodHandleAccessor.invoke(DirectMethodHandleAccessor.java:103)\n\tat \
             org.springframework.web.servlet.DispatcherServlet.doDispatch(DispatcherServlet.java:1089)\n\tat \
             org.apache.tomcat.util.threads.ThreadPoolExecutor.runWorker(ThreadPoolExecutor.java:1190)\n\tat \
             java.base/java.lang.Thread.run(Thread.java:1583)"
        ),
        Language::Python => format!(
            "Traceback (most recent call last):\n  File \"/app/{name}/api.py\", line 118, in {what}\n    return await \
             self.service.{what}(request)\n  File \"/app/{name}/service.py\", line 64, in {what}\n    \
             response.raise_for_status()\n  File \"/app/{name}/client.py\", line 39, in send\n    raise error from \
             None\n{kind}: {message}"
        ),
        Language::Node => format!(
            "{kind}: {message}\n    at {what} (/app/src/{name}/handlers.js:72:19)\n    at \
             process.processTicksAndRejections (node:internal/process/task_queues:105:5)\n    at async dispatch \
             (/app/src/router.js:33:7)\n    at async Server.<anonymous> (/app/src/server.js:18:3)"
        ),
        Language::Go => format!(
            "{kind}: {message}\ngoroutine 4127 [running]:\nexample.com/shop/{name}.(*Server).{what}(0xc0004a2000)\n\t\
             /src/{name}/server.go:142 +0x1f4\nexample.com/shop/{name}.(*Server).handle(0xc0004a2000)\n\t\
             /src/{name}/server.go:77 +0x9c\nnet/http.HandlerFunc.ServeHTTP(0xc00011c0d0)\n\t\
             /usr/local/go/src/net/http/server.go:2322 +0x29"
        ),
        Language::Dotnet => format!(
            "{kind}: {message}\n   at Shop.{name}.{what}Handler.LoadAsync(Request request) in \
             /src/{what}Handler.cs:line 58\n   at Shop.{name}.{what}Handler.HandleAsync(HttpContext context) in \
             /src/{what}Handler.cs:line 31\n   at Microsoft.AspNetCore.Routing.EndpointMiddleware.Invoke(HttpContext \
             httpContext)\n   at Microsoft.AspNetCore.Server.Kestrel.Core.Internal.Http.HttpProtocol.ProcessRequests()"
        ),
    }
}

/// The last word of an operation's name, usable as the name of a function.
fn identifier(operation: &str) -> String {
    let word = operation.rsplit(['/', ' ', '.']).find(|part| part.chars().any(char::is_alphabetic));
    word.unwrap_or("handle").chars().filter(|c| c.is_alphanumeric()).collect()
}
