// The official SDK against the lab. argv: the API's base URL, the token. Ends with 0 or throws.
import assert from 'node:assert';
import Cloudflare from 'cloudflare';

const [baseURL, apiToken] = process.argv.slice(2);
const client = new Cloudflare({ baseURL, apiToken, maxRetries: 0, timeout: 20000 });
const collect = async (pages) => {
  const all = [];
  for await (const item of pages) all.push(item);
  return all;
};

assert.equal((await client.user.tokens.verify()).status, 'active');
const account = (await collect(client.accounts.list()))[0];
const made = await client.zones.create({ name: 'sdk.test', account: { id: account.id }, type: 'full' });
const [zone] = await collect(client.zones.list({ name: 'sdk.test' }));
assert.equal(zone.id, made.id);
assert.equal((await client.zones.get({ zone_id: zone.id })).name, 'sdk.test');

const zone_id = zone.id;
const record = await client.dns.records.create({
  zone_id, type: 'A', name: 'app.sdk.test', content: '127.0.0.5', ttl: 1, proxied: true, comment: 'a b+c',
});
assert.equal(record.ttl, 1);
const found = await collect(client.dns.records.list({ zone_id, name: { exact: 'app.sdk.test' }, comment: { exact: 'a b+c' } }));
assert.deepEqual(found.map((r) => r.id), [record.id]);
const edited = await client.dns.records.edit(record.id, {
  zone_id, type: 'A', name: 'app.sdk.test', ttl: 1, content: '127.0.0.6',
});
assert.equal(edited.content, '127.0.0.6');
const batch = await client.dns.records.batch({
  zone_id,
  deletes: [{ id: record.id }],
  posts: [1, 2, 3].map((n) => ({ type: 'A', name: `n${n}.sdk.test`, content: `127.0.0.${n}`, ttl: 60 })),
});
assert.equal(batch.posts.length, 3);
assert.equal((await collect(client.dns.records.list({ zone_id, per_page: 2 }))).length, 3);
await assert.rejects(
  client.dns.records.create({ zone_id, type: 'A', name: 'bad.sdk.test', content: 'x', ttl: 1 }),
  (error) => error instanceof Cloudflare.BadRequestError && error.errors[0].code === 9005,
);
await client.dns.records.delete(batch.posts[0].id, { zone_id });
await assert.rejects(
  client.dns.records.get(batch.posts[0].id, { zone_id }),
  (error) => error instanceof Cloudflare.NotFoundError,
);
const stranger = new Cloudflare({ baseURL, apiToken: 'wrong', maxRetries: 0 });
await assert.rejects(stranger.zones.list(), (error) => error instanceof Cloudflare.PermissionDeniedError);
