// Stores, lists and finds documents with the OpenSearch client for JavaScript: opensearch.mjs NODE. NODE_MODULES is where it is installed.
import { createRequire } from "node:module";

const { Client } = createRequire(process.env.NODE_MODULES + "/")("@opensearch-project/opensearch");
const c = new Client({ node: process.argv[2], maxRetries: 0 });

function expect(ok, what) {
  if (!ok) throw new Error(what);
}

expect((await c.info()).body.version.distribution === "opensearch", "info");
expect((await c.index({ index: "orders", id: "a/b", body: { order: 1042 } })).body.result === "created", "index");
expect(!(await c.bulk({ body: [{ index: { _index: "orders" } }, { note: "Grüße" }] })).body.errors, "bulk");
const found = await c.search({ index: "orders", body: { query: { match_all: {} } } });
expect(found.body.hits.hits[0]._source.order === 1042, "search");
