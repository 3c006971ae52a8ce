//! One service calling another: HTTP, gRPC and the page's root, as the instrumentation libraries record them.
//!
//! Attribute names follow OpenTelemetry's semantic conventions.

use model::{Nanos, SpanKind};

use crate::failure::{Category, Failure, Outcome};
use crate::service::{Language, Library, Service};
use crate::sim::{At, Sim};
use crate::value::{int, list, text};

/// An HTTP request from one service to another.
pub struct Http<'t> {
    pub to: &'static Service,
    pub method: &'static str,
    pub route: &'static str,
    pub path: &'t str,
    pub timeout_ms: Option<f64>,
}

impl<'t> Http<'t> {
    pub fn get(to: &'static Service, route: &'static str, path: &'t str) -> Http<'t> {
        Http { to, method: "GET", route, path, timeout_ms: None }
    }

    pub fn post(to: &'static Service, route: &'static str, path: &'t str) -> Http<'t> {
        Http { to, method: "POST", route, path, timeout_ms: None }
    }

    pub fn within_ms(self, timeout_ms: f64) -> Http<'t> {
        Http { timeout_ms: Some(timeout_ms), ..self }
    }
}

type Body<'b> = &'b mut dyn FnMut(&mut Sim, At) -> Outcome;

impl Sim<'_> {
    /// A request from a browser or a phone, which is where a trace begins.
    pub fn page(
        &mut self,
        to: &'static Service,
        method: &'static str,
        route: &'static str,
        path: &str,
        body: Body,
    ) {
        let server = self.open(None, to, Library::HttpServer, SpanKind::Server, format!("{method} {route}"));
        let visitor = self.visitor.clone();
        self.http_server_attributes(server, method, route, path);
        self.set_all(
            server,
            [
                ("user_agent.original", text(visitor.agent)),
                ("client.address", text(visitor.address)),
                ("session.id", text(visitor.session)),
                ("app.customer.id", text(visitor.customer)),
                ("app.customer.tier", text(visitor.tier)),
                ("app.region", text(visitor.region)),
                ("app.features", list(visitor.features)),
            ],
        );
        // Nobody in the shop waits for a page: its failure shows on its span alone.
        let _ = self.answer_http(server, body);
        self.close(server);
    }

    /// A call over HTTP, seen by both sides. Its failure is the answer the caller got.
    pub fn http(&mut self, from: At, call: &Http, body: Body) -> Outcome {
        let times = self.shop.times_called(self.service_of(from).name, call.to.name, self.now);
        let mut outcome = Ok(());
        for _ in 0..times {
            outcome = self.http_once(from, call, body);
        }
        outcome
    }

    fn http_once(&mut self, from: At, call: &Http, body: Body) -> Outcome {
        let client = self.http_client(from, call.method, call.route, call.to.name, call.to.port, call.path);
        self.network();
        let name = format!("{} {}", call.method, call.route);
        let server = self.open(Some(client), call.to, Library::HttpServer, SpanKind::Server, name);
        self.http_server_attributes(server, call.method, call.route, call.path);
        self.set(server, "client.address", text(self.host_of(from)));
        let outcome = self.answer_http(server, body);
        self.close(server);
        self.network();
        let what = format!("{} http://{}{}", call.method, call.to.name, call.route);
        self.take_answer(client, &what, call.timeout_ms, outcome)
    }

    /// A call over HTTP to someone outside the shop, who sends no spans.
    pub fn external(
        &mut self,
        from: At,
        method: &'static str,
        host: &str,
        path: &str,
        median_ms: f64,
        timeout_ms: f64,
    ) -> (At, Outcome) {
        let client = self.http_client(from, method, path, host, 443, path);
        let slow = self.shop.outside_slowness(host, self.now);
        let ms = self.rng.lognormal(median_ms * slow, 0.6);
        self.wait(ms);
        let what = format!("{method} https://{host}{path}");
        let outcome = self.take_answer(client, &what, Some(timeout_ms), Ok(()));
        (client, outcome)
    }

    /// A call over gRPC, seen by both sides.
    pub fn grpc(
        &mut self,
        from: At,
        to: &'static Service,
        service: &'static str,
        method: &'static str,
        body: Body,
    ) -> Outcome {
        let times = self.shop.times_called(self.service_of(from).name, to.name, self.now);
        let mut outcome = Ok(());
        for _ in 0..times {
            outcome = self.grpc_once(from, to, (service, method), body);
        }
        outcome
    }

    fn grpc_once(
        &mut self,
        from: At,
        to: &'static Service,
        (service, method): (&'static str, &'static str),
        body: Body,
    ) -> Outcome {
        let name = format!("{service}/{method}");
        let client =
            self.open(Some(from), self.service_of(from), Library::Grpc, SpanKind::Client, name.clone());
        self.rpc_attributes(client, to, service, method);
        self.network();
        let server = self.open(Some(client), to, Library::Grpc, SpanKind::Server, name.clone());
        self.rpc_attributes(server, to, service, method);
        self.set(server, "client.address", text(self.host_of(from)));
        self.set(server, "app.customer.id", text(self.visitor.customer.clone()));
        let outcome = self.meet_faults(server).and_then(|()| body(self, server));
        let code = outcome.as_ref().err().map_or(0, |f| f.grpc_code);
        self.set(server, "rpc.grpc.status_code", int(code));
        if let Err(failure) = outcome.as_ref()
            && failure.is_fault()
        {
            self.throw(server, failure);
        }
        self.close(server);
        self.network();
        self.set(client, "rpc.grpc.status_code", int(code));
        if let Err(failure) = outcome.as_ref() {
            self.mark_failed(client, code.to_string(), &failure.message);
        }
        self.close(client);
        outcome.map_err(|failure| failure.passed_on(&name))
    }

    /// Tries again after a pause that doubles, as long as the failure may pass.
    pub fn retried(
        &mut self,
        attempts: u32,
        pause_ms: f64,
        mut each: impl FnMut(&mut Self, u32) -> Outcome,
    ) -> Outcome {
        let mut outcome = each(self, 0);
        for attempt in 1..attempts {
            match &outcome {
                Err(failure) if failure.is_fault() => {
                    self.wait(pause_ms * f64::from(1 << (attempt - 1)));
                    outcome = each(self, attempt);
                }
                _ => break,
            }
        }
        outcome
    }

    /// A span of the service's own code around some work.
    pub fn internal<T>(
        &mut self,
        from: At,
        function: &str,
        body: impl FnOnce(&mut Self, At) -> (T, Outcome),
    ) -> T {
        let service = self.service_of(from);
        let span = self.open(Some(from), service, Library::Own, SpanKind::Internal, function);
        let (thread, line) = (self.rng.between(8, 96) as i64, self.rng.between(20, 400) as i64);
        self.set_all(
            span,
            [
                ("code.function.name", text(format!("shop.{}.{function}", service.name))),
                ("code.file.path", text(file_of(service))),
                ("code.line.number", int(line)),
                ("thread.id", int(thread)),
                ("thread.name", text(format!("worker-{}", thread % 16))),
            ],
        );
        let (value, outcome) = body(self, span);
        match outcome {
            Ok(()) => self.set_ok(span),
            Err(failure) => self.throw(span, &failure),
        }
        self.close(span);
        value
    }

    fn http_client(
        &mut self,
        from: At,
        method: &'static str,
        route: &str,
        host: &str,
        port: u16,
        path: &str,
    ) -> At {
        let service = self.service_of(from);
        // Some libraries know the route of the one they call, others only the method.
        let name = match service.language {
            Language::Java | Language::Python => format!("{method} {route}"),
            _ => method.to_owned(),
        };
        let client = self.open(Some(from), service, Library::HttpClient, SpanKind::Client, name);
        let scheme = if port == 443 { "https" } else { "http" };
        self.set_all(
            client,
            [
                ("http.request.method", text(method)),
                ("url.full", text(format!("{scheme}://{host}:{port}{path}"))),
                ("server.address", text(host)),
                ("server.port", int(port)),
                ("network.protocol.name", text("http")),
                ("network.protocol.version", text("1.1")),
                ("network.peer.port", int(port)),
            ],
        );
        client
    }

    fn http_server_attributes(&mut self, server: At, method: &'static str, route: &str, path: &str) {
        let service = self.service_of(server);
        self.set_all(
            server,
            [
                ("http.request.method", text(method)),
                ("http.route", text(route)),
                ("url.path", text(path.split('?').next().unwrap_or(path))),
                ("url.scheme", text("http")),
                ("server.address", text(service.name)),
                ("server.port", int(service.port)),
                ("network.protocol.version", text("1.1")),
            ],
        );
        if let Some((_, query)) = path.split_once('?') {
            self.set(server, "url.query", text(query));
        }
    }

    fn rpc_attributes(&mut self, span: At, to: &'static Service, service: &str, method: &str) {
        self.set_all(
            span,
            [
                ("rpc.system", text("grpc")),
                ("rpc.service", text(service)),
                ("rpc.method", text(method)),
                ("server.address", text(to.name)),
                ("server.port", int(to.port)),
                ("network.peer.address", text(format!("10.42.{}.{}", to.port % 7, to.port % 251))),
                ("network.transport", text("tcp")),
            ],
        );
    }

    fn answer_http(&mut self, server: At, body: Body) -> Outcome {
        let outcome = self.meet_faults(server).and_then(|()| body(self, server));
        match &outcome {
            Ok(()) => {
                let bytes = self.rng.lognormal(3200.0, 1.1) as i64;
                self.set(server, "http.response.status_code", int(200));
                self.set(server, "http.response.body.size", int(bytes));
            }
            Err(failure) => {
                self.set(server, "http.response.status_code", int(failure.http_status));
                if failure.is_fault() {
                    self.throw(server, failure);
                }
            }
        }
        outcome
    }

    /// Ends the client's span by the answer, or by its patience.
    fn take_answer(&mut self, client: At, what: &str, timeout_ms: Option<f64>, outcome: Outcome) -> Outcome {
        if let Some(timeout_ms) = timeout_ms.filter(|t| self.elapsed_ms(client) > *t) {
            // The one called works on, not knowing that nobody waits any more.
            self.now = self.started(client).plus(Nanos::from_millis_f64(timeout_ms));
            let failure =
                Failure::new(Category::Timeout, format!("{what}: no answer within {timeout_ms:.0} ms"));
            self.mark_failed(client, "timeout", &failure.message);
            self.close(client);
            return Err(failure);
        }
        let status = outcome.as_ref().err().map_or(200, |f| f.http_status);
        self.set(client, "http.response.status_code", int(status));
        if outcome.is_err() {
            self.mark_failed(client, status.to_string(), "");
        }
        self.close(client);
        outcome.map_err(|failure| failure.passed_on(what))
    }

    /// One way over the wire.
    fn network(&mut self) {
        let ms = self.rng.lognormal(0.25, 0.4);
        self.wait(ms);
    }
}

fn file_of(service: &Service) -> String {
    let name = service.name;
    match service.language {
        Language::Dotnet => format!("/src/{name}/Handler.cs"),
        Language::Go => format!("/src/{name}/server.go"),
        Language::Java => "Service.java".to_owned(),
        Language::Node => format!("/app/src/{name}/handlers.js"),
        Language::Python => format!("/app/{name}/service.py"),
    }
}
