/** Tags of DER and of `GeneralName` (RFC 5280 §4.2.1.6). */
const sequence = 0x30;
const objectIdentifier = 0x06;
const octetString = 0x04;
const extensions = 0xa3;
const emailName = 0x81;
const dnsName = 0x82;
const uriName = 0x86;
const ipName = 0x87;

/** 2.5.29.17, `subjectAltName`. */
const subjectAltNameId = Buffer.from([0x55, 0x1d, 0x11]);

interface Element {
  readonly tag: number;
  readonly content: Buffer;
}

/** The elements of a DER value one after the other; ends early at anything malformed. */
function* elementsOf(der: Buffer): Generator<Element> {
  for (let at = 0; at + 2 <= der.length; ) {
    const tag = der[at]!;
    let length = der[at + 1]!;
    at += 2;
    if (length >= 0x80) {
      const lengthBytes = length & 0x7f;
      if (lengthBytes === 0 || lengthBytes > 4 || at + lengthBytes > der.length) return;
      length = der.readUIntBE(at, lengthBytes);
      at += lengthBytes;
    }
    if (at + length > der.length) return;
    yield { tag, content: der.subarray(at, at + length) };
    at += length;
  }
}

function first(der: Buffer, tag: number): Buffer | undefined {
  for (const element of elementsOf(der)) if (element.tag === tag) return element.content;
  return undefined;
}

function generalNames(certificate: Buffer): Buffer | undefined {
  const body = first(first(certificate, sequence) ?? Buffer.alloc(0), sequence);
  const list = first(first(body ?? Buffer.alloc(0), extensions) ?? Buffer.alloc(0), sequence);
  if (list === undefined) return undefined;
  for (const extension of elementsOf(list)) {
    if (!first(extension.content, objectIdentifier)?.equals(subjectAltNameId)) continue;
    return first(first(extension.content, octetString) ?? Buffer.alloc(0), sequence);
  }
  return undefined;
}

function ipText(bytes: Buffer): string | undefined {
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.length !== 16) return undefined;
  const groups = Array.from({ length: 8 }, (_, at) => bytes.readUInt16BE(2 * at).toString(16));
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}

/** Letters of a name: printable ASCII only, so that no byte can look like another name. */
function nameText(bytes: Buffer): string | undefined {
  return bytes.every((byte) => byte > 0x20 && byte < 0x7f) ? bytes.toString('latin1') : undefined;
}

/**
 * The subject alternative names of a certificate (DER) as `DNS:…`, `URI:…`, `EMAIL:…`, `IP:…`, in their order. Read from the
 * encoded certificate itself: a text form of the whole list can be made to look like another list (CVE-2021-44532). Names
 * that hold anything but printable ASCII are left out, as are other kinds.
 */
export function subjectAltNames(certificate: Buffer): string[] {
  const names: string[] = [];
  const add = (kind: string, value: string | undefined) => {
    if (value !== undefined && value !== '') names.push(`${kind}:${value}`);
  };
  for (const { tag, content } of elementsOf(generalNames(certificate) ?? Buffer.alloc(0))) {
    if (tag === dnsName) add('DNS', nameText(content));
    else if (tag === uriName) add('URI', nameText(content));
    else if (tag === emailName) add('EMAIL', nameText(content));
    else if (tag === ipName) add('IP', ipText(content));
  }
  return names;
}

/** The value of an entry of {@link subjectAltNames}, without its kind. */
export function subjectAltNameValue(entry: string): string {
  return entry.slice(entry.indexOf(':') + 1);
}
