// Runs the S3 operations of go/main.go with the AWS SDK for JavaScript: sdk.mjs ENDPOINT BUCKET KEYS. NODE_MODULES is where it is
// installed.
import { createHash, randomBytes } from "node:crypto";
import { createRequire } from "node:module";
import { Readable } from "node:stream";

const require = createRequire(process.env.NODE_MODULES + "/");
const s3 = require("@aws-sdk/client-s3");
const { Upload } = require("@aws-sdk/lib-storage");

const [endpoint, Bucket, keys] = process.argv.slice(2);
const c = new s3.S3({ endpoint, forcePathStyle: true, maxAttempts: 1 });
const small = Buffer.from("hello, world");
const large = randomBytes((11 << 20) + 1);

async function get(Key, want, more) {
  const got = Buffer.from(await (await c.getObject({ Bucket, Key, ...more })).Body.transformToByteArray());
  if (!got.equals(want)) throw new Error(`${got.length} bytes, want ${want.length} others`);
}

function expect(ok, what) {
  if (!ok) throw new Error(what);
}

const alphabet = [..."abcXYZ019 -_.!~*'()&$@=;:+,?#[]%\"<>^`{|}äöß€日本語🙂"];
const operations = {
  "create bucket": () => c.createBucket({ Bucket, CreateBucketConfiguration: { LocationConstraint: process.env.AWS_REGION } }),
  put: () => c.putObject({ Bucket, Key: "small", Body: small }),
  get: () => get("small", small),
  range: () => get("small", small.subarray(2, 5), { Range: "bytes=2-4" }),
  head: async () => expect((await c.headObject({ Bucket, Key: "small" })).ContentLength === small.length, "length"),
  metadata: async () => {
    await c.putObject({ Bucket, Key: "meta", Body: small, Metadata: { order: "1042  and more" } });
    expect((await c.headObject({ Bucket, Key: "meta" })).Metadata.order === "1042  and more", "metadata");
  },
  copy: async () => {
    await c.copyObject({ Bucket, Key: "copy", CopySource: `${Bucket}/small` });
    await get("copy", small);
  },
  tagging: async () => {
    await c.putObjectTagging({ Bucket, Key: "small", Tagging: { TagSet: [{ Key: "a", Value: "b c" }] } });
    expect((await c.getObjectTagging({ Bucket, Key: "small" })).TagSet[0].Value === "b c", "tags");
  },
  "content-md5": () => c.putObject({ Bucket, Key: "md5", Body: small, ContentMD5: createHash("md5").update(small).digest("base64") }),
  large: async () => {
    const pieces = function* () {
      for (let i = 0; i < large.length; i += 65536) yield large.subarray(i, i + 65536);
    };
    await c.putObject({ Bucket, Key: "large", Body: Readable.from(pieces()), ContentLength: large.length });
    await get("large", large);
  },
  "multipart of a stream": async () => {
    await new Upload({ client: c, params: { Bucket, Key: "multipart", Body: Readable.from([large]) } }).done();
    await get("multipart", large);
  },
  list: async () => expect((await c.listObjectsV2({ Bucket, Prefix: "m", Delimiter: "/" })).Contents.length === 3, "objects"),
  "odd keys": async () => {
    for (let i = 0; i < Number(keys); i++) {
      const name = Array.from({ length: 1 + Math.floor(Math.random() * 24) }, () => alphabet[Math.floor(Math.random() * alphabet.length)]);
      const Key = `keys/${i}/x${name.join("")}x`;
      await c.putObject({ Bucket, Key, Body: Key });
      await get(Key, Buffer.from(Key));
    }
  },
  "delete many": async () => {
    const out = await c.deleteObjects({ Bucket, Delete: { Objects: [{ Key: "small" }, { Key: "copy" }] } });
    expect(out.Deleted.length === 2, "deleted");
  },
};

for (const [name, run] of Object.entries(operations)) {
  try {
    await run();
    console.log("ok", name);
  } catch (e) {
    console.log(`FAIL ${name}: ${e.name} ${e.message} ${e.$metadata?.httpStatusCode ?? ""}`);
  }
}
