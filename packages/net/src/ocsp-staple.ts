import { derElements, firstDer, octetStringTag, sequenceTag } from './der.ts';

const successful = 0;
const enumeratedTag = 0x0a;
const integerTag = 0x02;
const responseBytesTag = 0xa0;
const generalizedTimeTag = 0x18;
const nextUpdateTag = 0xa0;
const goodTag = 0x80;

/** What matters of an OCSP response (RFC 6960 §4.2.1) for one certificate. */
export interface OcspStatus {
  readonly serialHex: string;
  readonly good: boolean;
  /** Milliseconds since 1970; infinite where the responder names no end. */
  readonly validToMs: number;
}

/** Reads the only answer of a response; undefined where it is no successful response with one answer. */
export function readOcspStatus(response: Buffer): OcspStatus | undefined {
  const outer = firstDer(response, sequenceTag);
  if (firstDer(outer, enumeratedTag)[0] !== successful) return undefined;
  const basic = firstDer(firstDer(firstDer(outer, responseBytesTag), sequenceTag), octetStringTag);
  const data = firstDer(firstDer(basic, sequenceTag), sequenceTag);
  const answers = [...derElements(firstDer(data, sequenceTag))];
  const [answer] = answers;
  if (answer === undefined || answers.length !== 1) return undefined;
  return readAnswer([...derElements(answer.content)]);
}

/** `SingleResponse`: certificate, status, `thisUpdate`, perhaps `nextUpdate`. */
function readAnswer(fields: readonly { readonly tag: number; readonly content: Buffer }[]): OcspStatus | undefined {
  const [certificate, status, thisUpdate] = fields;
  if (certificate === undefined || status === undefined || thisUpdate?.tag !== generalizedTimeTag) return undefined;
  const serial = firstDer(certificate.content, integerTag);
  const nextUpdate = fields.find(({ tag }, at) => at > 2 && tag === nextUpdateTag);
  const validToMs =
    nextUpdate === undefined ? Number.POSITIVE_INFINITY : timeMs(firstDer(nextUpdate.content, generalizedTimeTag));
  if (Number.isNaN(validToMs)) return undefined;
  return { serialHex: serial.toString('hex').replace(/^(?:00)+/, ''), good: status.tag === goodTag, validToMs };
}

/** `YYYYMMDDHHMMSSZ`; NaN for anything else. */
function timeMs(text: Buffer): number {
  const found = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text.toString('latin1'));
  if (found === null) return Number.NaN;
  const [year = 0, month = 0, day, hour, minute, second] = found.slice(1).map(Number);
  return Date.UTC(year, month - 1, day, hour, minute, second);
}
