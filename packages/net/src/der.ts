/** One value of DER, the encoding of certificates (X.690). */
export interface DerElement {
  readonly tag: number;
  readonly content: Buffer;
  /** Tag, length and content. */
  readonly whole: Buffer;
}

export const sequenceTag = 0x30;
export const objectIdentifierTag = 0x06;
export const octetStringTag = 0x04;

const nothing = Buffer.alloc(0);

/** The elements of a DER value one after the other; ends early at anything malformed. */
export function* derElements(der: Buffer): Generator<DerElement> {
  for (let at = 0; at + 2 <= der.length; ) {
    const start = at;
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
    yield { tag, content: der.subarray(at, at + length), whole: der.subarray(start, at + length) };
    at += length;
  }
}

/** The content of the first element with this tag; empty without one. */
export function firstDer(der: Buffer, tag: number): Buffer {
  for (const element of derElements(der)) if (element.tag === tag) return element.content;
  return nothing;
}

/** The elements of a certificate's body (RFC 5280 §4.1, `TBSCertificate`). */
export function certificateBody(certificate: Buffer): DerElement[] {
  return [...derElements(firstDer(firstDer(certificate, sequenceTag), sequenceTag))];
}

const extensionsTag = 0xa3;

/** The extensions of a certificate: identifier, perhaps whether it is critical, value. */
export function certificateExtensions(certificate: Buffer): Buffer[] {
  const extensions = certificateBody(certificate).find(({ tag }) => tag === extensionsTag);
  return [...derElements(firstDer(extensions?.content ?? nothing, sequenceTag))].map(({ content }) => content);
}

/** The value of a certificate's extension by its encoded identifier; undefined without it. */
export function certificateExtension(certificate: Buffer, id: Buffer): Buffer | undefined {
  for (const extension of certificateExtensions(certificate)) {
    if (firstDer(extension, objectIdentifierTag).equals(id)) return firstDer(extension, octetStringTag);
  }
  return undefined;
}

const contextVersionTag = 0xa0;
/** Serial number, signature, issuer, validity, subject, and then the key. */
const keyPosition = 5;

/** A certificate's `SubjectPublicKeyInfo` as it is encoded; empty where it is malformed. */
export function certificateKey(certificate: Buffer): Buffer {
  const body = certificateBody(certificate);
  return body[keyPosition + (body[0]?.tag === contextVersionTag ? 1 : 0)]?.whole ?? nothing;
}
