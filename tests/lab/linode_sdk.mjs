// The official SDK against the lab. argv: the API's base URL, the token, an image. Ends with 0 or throws.
import assert from 'node:assert';
import * as linode from '@linode/api-v4';

const [base, token, image] = process.argv.slice(2);
linode.baseRequest.interceptors.request.use((config) => ({
  ...config,
  url: config.url.replace(/^https:\/\/api\.linode\.com/, base),
}));
linode.setToken(token);

const settled = async (id, status) => {
  for (let i = 0; i < 500; i++) {
    const found = await linode.getLinode(id);
    if (found.status === status) return found;
    await new Promise((done) => setTimeout(done, 20));
  }
  throw new Error(`Linode ${id} is not ${status}`);
};
const refused = (reason) => (error) =>
  error.response.data.errors.some((one) => one.reason.includes(reason));

assert.equal((await linode.getProfile()).username, 'lab');
assert.ok((await linode.getRegions()).data.some((region) => region.id === 'eu-west'));
assert.ok((await linode.getLinodeTypes()).data.some((type) => type.id === 'g6-nanode-1'));
assert.ok((await linode.getRegionAvailability('eu-west')).every((row) => row.region === 'eu-west'));

const wanted = { region: 'eu-west', type: 'g6-nanode-1', image, label: 'sdk', root_pass: 'correct-Horse-7', tags: ['a=b'] };
const made = await linode.createLinode(wanted);
await assert.rejects(linode.createLinode(wanted), refused('unique'));
await assert.rejects(linode.createLinode({ ...wanted, label: 'other', region: 'mars' }), refused('region is not valid'));
await settled(made.id, 'running');
assert.deepEqual((await linode.getLinodes({}, { tags: 'a=b' })).data.map((one) => one.id), [made.id]);
assert.equal((await linode.getLinodes({ page_size: 25 }, { '+or': [{ label: 'no' }] })).results, 0);
await linode.linodeShutdown(made.id);
await settled(made.id, 'offline');
await linode.linodeBoot(made.id);
await settled(made.id, 'running');
await linode.linodeReboot(made.id);
await settled(made.id, 'running');
assert.deepEqual((await linode.updateLinode(made.id, { tags: ['new'] })).tags, ['new']);

const disks = (await linode.getLinodeDisks(made.id)).data;
const captured = await linode.createImage({ disk_id: disks[0].id, label: 'sdk-image' });
for (let i = 0; i < 500 && (await linode.getImage(captured.id)).status !== 'available'; i++)
  await new Promise((done) => setTimeout(done, 20));
const regions = (await linode.updateImageRegions(captured.id, { regions: ['eu-west', 'us-east'] })).regions;
assert.equal(regions.length, 2);
assert.deepEqual((await linode.getImages({}, { is_public: false, label: 'sdk-image' })).data.map((one) => one.id), [captured.id]);
await linode.deleteImage(captured.id);
await assert.rejects(linode.getImage(captured.id), refused('Not found'));

await linode.deleteLinode(made.id);
assert.equal((await linode.getEvents({}, { '+order_by': 'id', '+order': 'desc' })).data[0].action, 'linode_delete');

const settledAgain = await linode.createLinode({ ...wanted, label: 'sdk-two' });
await settled(settledAgain.id, 'running');
assert.equal((await linode.getLinodeStats(settledAgain.id)).data.cpu.length, 1);
await linode.linodeShutdown(settledAgain.id);
await settled(settledAgain.id, 'offline');
await assert.rejects(linode.getLinodeStats(settledAgain.id), refused('Stats are unavailable'));
await linode.resizeLinode(settledAgain.id, { type: 'g6-standard-2', migration_type: 'cold', allow_auto_disk_resize: false });
assert.equal((await settled(settledAgain.id, 'offline')).type, 'g6-standard-2');
await linode.deleteLinode(settledAgain.id);

// Object Storage
assert.ok((await linode.getClusters()).data.some((cluster) => cluster.id === 'eu-west-1'));
assert.ok((await linode.getObjectStorageEndpoints({})).data.some((endpoint) => endpoint.region === 'eu-west'));
const bucket = await linode.createBucket({ label: 'sdk-bucket', region: 'eu-west' });
assert.equal(bucket.region, 'eu-west');
assert.deepEqual((await linode.getBuckets()).data.map((one) => one.label), ['sdk-bucket']);
assert.equal((await linode.getBucket('eu-west', 'sdk-bucket')).objects, 0);
assert.equal((await linode.getBucketsInRegion('us-east')).results, 0);
const access = [{ region: 'eu-west', bucket_name: 'sdk-bucket', permissions: 'read_only', cluster: 'eu-west-1' }];
const key = await linode.createObjectStorageKeys({ label: 'sdk-key', bucket_access: access, regions: ['eu-west'] });
assert.ok(key.secret_key.length >= 40 && key.limited);
assert.equal((await linode.updateObjectStorageKey(key.id, { label: 'sdk-renamed' })).label, 'sdk-renamed');
const keys = (await linode.getObjectStorageKeys()).data;
assert.deepEqual(keys.map((one) => one.label), ['lab', 'sdk-renamed']);
assert.ok(keys.every((one) => one.secret_key === '[REDACTED]'));
await linode.revokeObjectStorageKey(key.id);
assert.equal((await linode.getObjectStorageKeys()).results, 1);
await linode.deleteBucketWithRegion({ region: 'eu-west', label: 'sdk-bucket' });
assert.equal((await linode.getBuckets()).results, 0);
