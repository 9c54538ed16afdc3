/** RFC 7541, appendix A: the fields that both sides know from the start, by index; none has the index 0. */
// biome-ignore format: one field an index
const fields: readonly string[] = [
  '', ':authority', ':method GET', ':method POST', ':path /', ':path /index.html', ':scheme http', ':scheme https',
  ':status 200', ':status 204', ':status 206', ':status 304', ':status 400', ':status 404', ':status 500',
  'accept-charset', 'accept-encoding gzip, deflate', 'accept-language', 'accept-ranges', 'accept',
  'access-control-allow-origin', 'age', 'allow', 'authorization', 'cache-control', 'content-disposition',
  'content-encoding', 'content-language', 'content-length', 'content-location', 'content-range', 'content-type',
  'cookie', 'date', 'etag', 'expect', 'expires', 'from', 'host', 'if-match', 'if-modified-since', 'if-none-match',
  'if-range', 'if-unmodified-since', 'last-modified', 'link', 'location', 'max-forwards', 'proxy-authenticate',
  'proxy-authorization', 'range', 'referer', 'refresh', 'retry-after', 'server', 'set-cookie',
  'strict-transport-security', 'transfer-encoding', 'user-agent', 'vary', 'via', 'www-authenticate',
];

export const staticFieldCount = fields.length - 1;
export const staticNames: readonly string[] = fields.map((field) => field.split(' ', 1)[0]!);
export const staticValues: readonly string[] = fields.map((field, index) =>
  field.slice(staticNames[index]!.length + 1),
);

/** A name of the static table: its first index, and the values that have an index of their own, beginning with that one. */
export interface StaticName {
  readonly index: number;
  readonly values: readonly string[];
}

export const staticNameIndex: ReadonlyMap<string, StaticName> = indexByName();

function indexByName(): Map<string, StaticName> {
  const byName = new Map<string, { index: number; values: string[] }>();
  for (let index = 1; index < fields.length; index++) {
    const known = byName.get(staticNames[index]!);
    if (known !== undefined) known.values.push(staticValues[index]!);
    else byName.set(staticNames[index]!, { index, values: staticValues[index] === '' ? [] : [staticValues[index]!] });
  }
  return byName;
}
