import { certificateExtension, derElements, firstDer, sequenceTag } from './der.ts';

/** Tags of `GeneralName` (RFC 5280 §4.2.1.6). */
const emailName = 0x81;
const dnsName = 0x82;
const uriName = 0x86;
const ipName = 0x87;

/** 2.5.29.17, `subjectAltName`. */
const subjectAltNameId = Buffer.from([0x55, 0x1d, 0x11]);

const nothing = Buffer.alloc(0);

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
  const list = firstDer(certificateExtension(certificate, subjectAltNameId) ?? nothing, sequenceTag);
  const add = (kind: string, value: string | undefined) => {
    if (value !== undefined && value !== '') names.push(`${kind}:${value}`);
  };
  for (const { tag, content } of derElements(list)) {
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
