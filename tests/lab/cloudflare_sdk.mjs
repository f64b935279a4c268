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

// Load balancers, pools and monitors.
const account_id = account.id;
const lb = client.loadBalancers;
const monitor = await lb.monitors.create({
  account_id, type: 'http', expected_codes: '2xx', path: '/healthz', header: { Host: ['sdk.test'] },
});
const pools = [];
for (const name of ['one', 'two'])
  pools.push(await lb.pools.create({
    account_id, name, monitor: monitor.id, check_regions: ['WEU', 'ENAM'],
    origins: [{ name: 'o', address: '127.0.0.5', enabled: true, weight: 1 }],
  }));
assert.deepEqual((await collect(lb.pools.list({ account_id, monitor: monitor.id }))).map((p) => p.name), ['one', 'two']);
assert.deepEqual((await collect(lb.monitors.list({ account_id }))).map((m) => m.id), [monitor.id]);
const weigh = (a, b) => ({ pool_weights: { [pools[0].id]: a, [pools[1].id]: b } });
const balancer = await lb.create({
  zone_id, name: 'lb.sdk.test', default_pools: pools.map((p) => p.id), fallback_pool: pools[1].id,
  proxied: true, steering_policy: 'random', random_steering: weigh(0.9, 0.1), description: 'drorch:shop/www',
});
assert.equal((await lb.get(balancer.id, { zone_id })).random_steering.pool_weights[pools[0].id], 0.9);
assert.deepEqual((await collect(lb.list({ zone_id }))).map((b) => b.id), [balancer.id]);
const shifted = await lb.edit(balancer.id, { zone_id, random_steering: weigh(0, 1) });
assert.deepEqual(shifted.random_steering, weigh(0, 1));
assert.equal(shifted.description, 'drorch:shop/www');
const whole = await lb.update(balancer.id, {
  zone_id, name: 'lb.sdk.test', default_pools: [pools[1].id], fallback_pool: pools[1].id, steering_policy: 'off',
});
assert.deepEqual([whole.description, whole.default_pools], ['', [pools[1].id]]);
const health = await lb.pools.health.get(pools[0].id, { account_id });
assert.deepEqual([health.pool_id, Object.keys(health.pop_health).length], [pools[0].id, 2]);
const used = await collect(lb.monitors.references.get(monitor.id, { account_id }));
assert.deepEqual(used.map((r) => r.resource_name), ['one', 'two']);
const code = (number) => (error) => error instanceof Cloudflare.APIError && error.errors[0].code === number;
await assert.rejects(lb.pools.delete(pools[1].id, { account_id }), code(1005));
await assert.rejects(lb.pools.create({ account_id, name: 'two', origins: [{ name: 'o', address: '127.0.0.5' }] }), code(1003));
await lb.delete(balancer.id, { zone_id });
for (const pool of pools) await lb.pools.delete(pool.id, { account_id });
await lb.monitors.delete(monitor.id, { account_id });
await assert.rejects(lb.monitors.get(monitor.id, { account_id }), (error) => error instanceof Cloudflare.NotFoundError);
