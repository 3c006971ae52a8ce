import { expect, test } from "../support/skein.ts";
import { drawn } from "../support/seed.ts";
import { waitFor } from "../support/wait.ts";

test("a trace sent is a trace found, by id and by search", async ({ skein, request }) => {
  const trace = drawn(`
    shop: GET /checkout          0-420  http.request.method=GET retries=2 vip=true
      cart: POST /reserve       10-300
        cart-db: SELECT carts   20-280  !lock wait timeout
  `);
  const spans = await skein.seed(trace);
  expect(spans.map((span) => `${span.service_name} ${span.operation_name} ${span.duration_ms} ${span.status}`)).toEqual([
    "shop GET /checkout 420 unset",
    "cart POST /reserve 290 unset",
    "cart-db SELECT carts 260 error",
  ]);
  expect(spans[0]?.attributes).toEqual({ "http.request.method": "GET", retries: 2, vip: true });
  expect(spans[2]?.status_message).toBe("lock wait timeout");

  const found = await waitFor("the trace in the search", async () => {
    const answer = await request.get("/api/traces", { params: { service: "cart-db", error: "true" } });
    const { traces } = (await answer.json()) as { traces: { trace_id: string; span_count: number }[] };
    return traces.find((summary) => summary.trace_id === trace.traceId && summary.span_count === 3);
  });
  expect(found).toMatchObject({ root_service: "shop", root_operation: "GET /checkout", error_count: 1 });
});

test("an unknown trace is a 404 that says what to do", async ({ request }) => {
  const answer = await request.get(`/api/traces/${"0123456789abcdef".repeat(2)}`);
  expect(answer.status()).toBe(404);
  const { error } = (await answer.json()) as { error: { code: string; message: string; hint: string } };
  expect(error.code).not.toBe("");
  expect(error.message).not.toBe("");
  expect(error.hint).not.toBe("");
});
