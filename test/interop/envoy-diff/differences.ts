import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Difference } from './observation.ts';

const file = join(import.meta.dirname, 'golden', 'differences.json');

/** Why mosn does not do what Envoy does, for the cases whose whole name matches; what each does is in golden/differences.json. */
interface Reason {
  readonly cases: RegExp;
  readonly reason: string;
  /** Whether a close looks like an end or like a reset depends on what was on its way. */
  readonly endMayVary?: true;
}

export const reasons: readonly Reason[] = [
  // ── what mosn refuses and Envoy does not ────────────────────────────────────────────────────────────────────────
  {
    reason: 'mosn takes no line end but CR LF: two readers of a bare LF or CR see different messages',
    cases:
      /^(?:bare (?:LF|CR) .*|no CRLF after chunk data|(?:request|answer) field "x-cr: a\\rb"|request line "(?:\\n|\\r)GET \/ HTTP\/1\.1"|request line "GET \/ HTTP\/1\.1\\r"|answer: bare LF .*)$/,
  },
  {
    reason: 'mosn refuses folded fields in both directions (RFC 9112 §5.2 allows that), Envoy unfolds them',
    cases: /^(?:request|answer) field "x-fold: a\\r\\n b"$/,
  },
  {
    reason: 'mosn reads chunk-size lines as the grammar has them: no blanks, no empty or open extensions',
    cases: /^(?:chunked size line|chunk of an answer) "[52](?: |\\t|;|; a=b|;a=|;a=\\"|;\\u0000=a)"$/,
  },
  {
    reason: 'a length has one spelling: Envoy passes `05` on, which a reader of octal numbers takes for another length',
    cases: /^(?:content-length "05"|answer framing "content-length: 02")$/,
  },
  {
    reason: 'mosn reads request lines as the grammar has them: one blank between the parts, none behind, no tabs',
    cases:
      /^(?:request line "GET(?: {2}\/|\\t\/\\t| \/ {2})HTTP\/1\.1"|request line "GET {2}\/ HTTP\/1\.1"|request line "GET \/ HTTP\/1\.1 "|method "GET\\t")$/,
  },
  {
    reason: 'mosn skips one empty line before a request, which RFC 9112 §2.2 asks for, and no more',
    cases: /^(?:request line "\\r\\n\\r\\nGET \/ HTTP\/1\.1"|pipelined: empty lines between)$/,
  },
  {
    reason:
      'mosn takes only `host [":" port]` for a host (RFC 9110 §7.2): neither user information nor lists, escapes, impossible ports or broken IPv6 addresses, and never two',
    cases:
      /^(?:host ".*"|two (?:equal )?hosts|target "http:\/\/user@b\.example\/x"|absolute target .*|CONNECT: without Host)$/,
  },
  {
    reason: 'RFC 9112 §6.1: chunks in HTTP/1.0 are faulty framing',
    cases: /^(?:HTTP\/1\.0: POST in chunks|answer: HTTP\/1\.0 in chunks)$/,
  },
  {
    reason:
      'mosn takes no answer of another version than HTTP/1.0 and 1.1, and no status but three digits behind one blank',
    cases: /^status line "HTTP\/(?:0\.9 200|1\.1 {2}200|1\.1 2000|1\.2 200|2\.0 200) OK"$/,
  },
  {
    reason: 'mosn becomes a tunnel only by a 101 to the protocol that was asked for',
    cases: /^upgrade: 101 (?:that nobody asked for|to another protocol|without Upgrade)$/,
  },
  {
    reason: 'the trailers of a message count as much as its head, dropped or not',
    cases: /^trailers, plain: two hundred$/,
  },
  {
    reason: 'mosn drops fields from trailers that frame or route a message (RFC 9110 §6.5.1)',
    cases: /^trailers, trailers: framing fields$/,
  },
  // ── what mosn lets pass and Envoy does not ──────────────────────────────────────────────────────────────────────
  {
    reason: 'every token is a method (RFC 9110 §9.1); Envoy has a list of them',
    cases: /^method "(?:get|G|M-SEARCH|A{40}|CONNEC)"$/,
  },
  {
    reason: 'RFC 9110 §15.2: a proxy passes interim answers on; Envoy drops all but 100 and 101',
    cases: /^(?:10[23] before the answer|answer: many 1xx)$/,
  },
  {
    reason: 'an upgrade to several protocols, or in HTTP/1.0, is no upgrade (RFC 9110 §7.8 lets a server ignore it)',
    cases: /^(?:upgrade: a list|HTTP\/1\.0: upgrade)$/,
  },
  {
    reason: 'a target with an empty path has `/` before its query (RFC 9110 §4.2.3)',
    cases: /^(?:target "http:\/\/b\.example\?x"|redirect to "http:\/\/b\.example\?q")$/,
  },
  {
    reason:
      'a request that was sent on a connection kept from before, and never answered, is sent again on a fresh one',
    cases: /^upstream: (?:FIN|RST) when the connection is used again$/,
  },
  // ── connections ─────────────────────────────────────────────────────────────────────────────────────────────────
  {
    reason:
      'after an early answer mosn reads the rest of the request, up to `drainBytesMax`, and keeps the connection; Envoy closes it',
    cases:
      /^(?:early .*|early: .*|upstream HTTP\/2: an early answer(?: and NO_ERROR)?|expect: refused early|(?:request timeout|stream duration): a slow body|POST to an answer of the proxy itself|answer: while the request is still sent|upstream: (?:early answer, then (?:FIN|RST)|(?:FIN|RST) in a request body))$/,
    endMayVary: true,
  },
  {
    reason:
      'a refused upgrade or CONNECT leaves HTTP in place, and both connections can be used again; Envoy closes them',
    cases:
      /^(?:upgrade: (?:refused .*|refused, then another request|not configured|TLS|to something else|the upstream is gone)|upstream HTTP\/2: an upgrade|CONNECT: (?:refused|(?:routed but )?not configured))$/,
  },
  {
    reason: 'each direction of a tunnel ends by itself, as in TCP; Envoy ends both',
    cases: /^upgrade: the (?:client|upstream) ends$/,
  },
  {
    reason: 'a tunnel that was reset on one side is reset on the other, so that nobody takes it for an orderly end',
    cases: /^upgrade: the upstream resets$/,
  },
  {
    reason: 'an answer until close that ends by a reset is cut, and the client sees that; Envoy makes it a whole one',
    cases: /^upstream: RST in a body until close$/,
  },
  {
    reason: 'the data before a broken chunk was good, and is passed on before the answer is cut',
    cases: /^answer: no CRLF behind a chunk$/,
  },
  {
    reason: 'what is refused for its target is refused with the connection, and the word for the status',
    cases: /^path only: target ".*"$/,
  },
  {
    reason:
      'mosn follows a redirect when its answer is over, on a connection that is free then; Envoy takes another one',
    cases: /^redirect (?:to "(?:https?|HTTP):.*"|(?:of a POST )?with .*|of a POST in chunks|twice, and once more)$/,
  },
  // ── fields ──────────────────────────────────────────────────────────────────────────────────────────────────────
  {
    reason: 'what Connection names ends at this hop, in answers too (RFC 9110 §7.6.1); TE is never part of an answer',
    cases: /^(?:answer field of one hop "(?:connection: .*|te: trailers)"|spelling, preserved: "Connection: X-Gone.*)$/,
  },
  {
    reason: 'Connection cannot take the length away from a body (RFC 9110 §7.6.1: it names no end-to-end field)',
    cases: /^fields of two hops "content-length"$/,
  },
  {
    reason: 'codings are compared without regard to case (RFC 9110 §10.1.4)',
    cases: /^request field of one hop "TE: Trailers"$/,
  },
  {
    reason: 'an upgrade says `connection: upgrade`, whatever else the client said to this hop',
    cases: /^upgrade: with keep-alive$/,
  },
  {
    reason: 'a request with a body is no upgrade: nobody could tell where the body ends',
    cases: /^upgrade: POST with a body$/,
  },
  {
    reason: 'several fields of one name stay several, which means the same (RFC 9110 §5.2)',
    cases: /^(?:two (?:user-agents|content-types|locations)|edge "via: 1\.1 other"|another host: added)$/,
  },
  {
    reason: 'mosn leaves Transfer-Encoding out of answers without a body (RFC 9112 §6.1 allows both)',
    cases: /^(?:HEAD answered .*|trailers, (?:plain|trailers): of an answer until HEAD)$/,
  },
  {
    reason: 'a length in an answer to CONNECT means nothing and is not passed on (RFC 9110 §9.3.6)',
    cases: /^CONNECT: answered with a length$/,
  },
  {
    reason: 'nobody is asked to go on who has nothing to send, has sent it already, or speaks HTTP/1.0',
    cases:
      /^(?:request field of one hop "expect: 100-continue"|expect: the client does not wait|HTTP\/1\.0: expects 100)$/,
  },
  {
    reason: 'OPTIONS of a URL without a path asks the server as a whole: `*` (RFC 9112 §3.2.4)',
    cases: /^OPTIONS "http:\/\/b\.example(?::8080)?"$/,
  },
  {
    reason: 'each field keeps its own spelling; Envoy gives all of one name that of the first',
    cases: /^spelling, preserved: "x-Twice: 1.*$/,
  },
  // ── statuses and texts of refusals ──────────────────────────────────────────────────────────────────────────────
  {
    reason: 'a target that alone is too long is answered 414, as RFC 9110 §15.5.15 has it',
    cases: /^(?:bytes in the path "62000"|small: bytes in the path)$/,
  },
  {
    reason: 'another version is answered 505, HTTP/0.9 and other lines without a version 400',
    cases: /^(?:request line "GET \/ HTTP\/(?:0\.9|1\.2|2\.0|3\.0)"|request line "GET \/"|HTTP\/0\.9)$/,
  },
  {
    reason: '426 says what to upgrade to (RFC 9110 §15.5.22)',
    cases: /^HTTP\/1\.0, plain: .*$/,
  },
  {
    reason: 'which of two faults is told: both refuse the message',
    cases: /^(?:transfer-encoding twice.*|CONNECT: with chunked|both lengths: with another coding)$/,
  },
  {
    reason: 'every refusal of the codec has the word for its status as body; Envoy leaves some empty',
    cases:
      /^(?:no host|HTTP\/1\.0: HTTP\/1\.1 without Host|HTTP\/1\.0, http10NoHost: no host|spelling, proper: a refusal|(?:normal )?path "\/a(?:\?b)?#[bc]"|target "http:\/\/b\.example\/x#y"|request field of one hop "connection: host")$/,
  },
  // ── HTTP/2 ──────────────────────────────────────────────────────────────────────────────────────────────────────
  {
    reason: 'requests of HTTP/2 have the same rules for methods, hosts and targets as those of HTTP/1',
    cases:
      /^HTTP\/2: (?:authority "a:99999"|field "(?:host: b\.example|x-blanks: {2}a )"|method "get"|path "\/(?:caf\u00e9|a#b)"|scheme "ftp")$/,
  },
  {
    reason: 'nobody is asked to go on who has nothing to send',
    cases: /^HTTP\/2: field "expect: 100-continue"$/,
  },
  {
    reason:
      'a malformed request is an error of its stream (RFC 9113 §8.1.1) and costs no other; Envoy ends the connection',
    cases: /^HTTP\/2: (?:(?:field|path|method|authority|scheme) ".*"|without :[a-z]+|a pseudo-field behind others)$/,
  },
  {
    reason: 'too many fields are answered 431, as in HTTP/1',
    cases: /^HTTP\/2: two hundred fields$/,
  },
  {
    reason: 'a proxy passes interim answers on (RFC 9110 §15.2)',
    cases: /^(?:upstream )?HTTP\/2: (?:10[23] before the answer|a body after 103)$/,
  },
  {
    reason: 'what is left of a request that was answered early is stopped (RFC 9113 §8.1)',
    cases: /^HTTP\/2: gRPC, not found$/,
  },
  {
    reason: 'who ends a connection for an error says which, by GOAWAY (RFC 9113 §5.4.1)',
    cases:
      /^(?:HTTP\/2: HEADERS on (?:stream 0|an even stream)|upstream HTTP\/2: (?:RST_STREAM of a stream that is idle|PUSH_PROMISE|HEADERS on .*|WINDOW_UPDATE of 0 for the connection|SETTINGS .*))$/,
  },
  {
    reason: 'blanks around a value make a head malformed (RFC 9113 §8.2.1)',
    cases: /^upstream HTTP\/2: head .*x-blanks.*$/,
  },
  {
    reason:
      'a malformed answer is an error of its stream (RFC 9113 §8.1.1) and costs no other; Envoy ends the connection',
    cases:
      /^upstream HTTP\/2: (?:head .*|trailers (?:that do not end|with :status|shorter than the length)|101 before the answer|103 that ends the stream|a body before the head|a length without a body|WINDOW_UPDATE (?:of 0|beyond the largest window))$/,
  },
  {
    reason: 'an answer with too large a head is a fault of the upstream, and refused with ENHANCE_YOUR_CALM',
    cases: /^upstream HTTP\/2: (?:two hundred fields|octets in a value (?:61500|90000))$/,
  },
  {
    reason: 'a frame behind the end of its stream is an error of the connection (RFC 9113 §5.1)',
    cases: /^upstream HTTP\/2: (?:DATA|HEADERS) behind the end$/,
  },
  {
    reason: 'a request that the upstream has promised not to have begun is sent again on a fresh connection',
    cases: /^upstream HTTP\/2: GOAWAY that refuses(?: a POST)?, then well$/,
  },
  {
    reason: 'a stream that depends on itself is an error of that stream, whoever says so (RFC 7540 §5.3.1)',
    cases: /^upstream HTTP\/2: PRIORITY of the stream on itself$/,
  },
  {
    reason: 'what does not begin as HTTP/2 has to, HTTP/1 answers',
    cases: /^HTTP\/2: a bad preface$/,
  },
  // ── the connection manager ──────────────────────────────────────────────────────────────────────────────────────
  {
    reason: 'a dot segment with parameters is one however its dots are spelled: what is normal has none left',
    cases: /^normal path "\/a\/%2e%2e;\/b"$/,
  },
  {
    reason: 'a path that cannot be made normal is refused, and the connection goes on',
    cases: /^normal path "\/a%00b"$/,
  },
];

export function reasonFor(name: string): string | undefined {
  return reasons.find(({ cases }) => cases.test(name))?.reason;
}

/** Whether what was seen is what is written down. */
export function isAsRecorded(name: string, seen: Difference | undefined, recorded: Difference | undefined): boolean {
  const varies = reasons.some(({ cases, endMayVary }) => endMayVary === true && cases.test(name));
  const plain = (difference: Difference | undefined) => {
    const printed = JSON.stringify(difference) ?? '';
    return varies ? printed.replaceAll('client RST', 'client FIN') : printed;
  };
  return plain(seen) === plain(recorded);
}

/** The differences that are known, by the name of the case: the lines that only one of the two proxies has. */
export function readRecorded(): Record<string, Difference> {
  return JSON.parse(readFileSync(file, 'utf8')) as Record<string, Difference>;
}

export function writeRecorded(differences: Readonly<Record<string, Difference>>): void {
  const names = Object.keys(differences).sort();
  writeFileSync(
    file,
    `${JSON.stringify(Object.fromEntries(names.map((name) => [name, differences[name]])), null, 2)}\n`,
  );
}
