import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, afterEach, describe, test } from 'node:test';
import type { ClientTls, ServerTls } from '@sofamesh/contract/transport';
import { certificatesMissing, TestAuthority } from '@sofamesh/testkit/transport-suite/certificates';
import { Recorder } from '@sofamesh/testkit/transport-suite/index';
import { abandonMeetings, quickTransport, until } from './test-support/node-world.ts';

afterEach(abandonMeetings);

describe('session resumption', { skip: certificatesMissing }, () => {
  const authority = certificatesMissing === false ? new TestAuthority() : (undefined as never);
  after(() => authority?.dispose());
  const issue = (...names: string[]) => (certificatesMissing === false ? authority.issue(names) : (undefined as never));
  const server = issue('DNS:server.test');
  const renewed = issue('DNS:server.test');
  const client = issue('URI:spiffe://mesh/client');
  const trusted = { authorityPem: certificatesMissing === false ? authority.authorityPem : '' };
  const name = (value: string) => ({ subjectAltNames: [{ kind: 'exact', value }] as const });
  const ticketKey = randomBytes(48);
  const serverTls: ServerTls = {
    certificates: [server],
    verification: { ...trusted, ...name('spiffe://mesh/client') },
    requireClientCertificate: true,
    ticketKey,
  };
  const clientTls = (): ClientTls => ({
    serverName: 'server.test',
    verification: { ...trusted, ...name('server.test') },
    certificate: client,
  });

  /** One connection after the other with the same client: how each of them came to stand, as both ends see it. */
  async function visits(tls: ClientTls, servers: readonly ServerTls[]): Promise<string[]> {
    const outcomes: string[] = [];
    let next = 0;
    let accepted: Recorder | undefined;
    let refused = '';
    const transport = quickTransport();
    const listener = await transport.listen({ address: { kind: 'ip', host: '127.0.0.1', port: 0 } }, (connection) => {
      connection.setHandler({ onBytes() {}, onEnd() {}, onClose: ({ check, reason }) => (refused = check ?? reason) });
      connection.startTls(servers[next]!, Buffer.alloc(0), () => {
        const recorder = new Recorder();
        recorder.connection = connection;
        connection.setHandler(recorder);
        accepted = recorder;
        // Tickets of TLS 1.3 come with or after this.
        connection.write(Buffer.from('hello'));
      });
    });
    for (; next < servers.length; next++) {
      accepted = undefined;
      refused = '';
      const recorder = new Recorder();
      recorder.connection = quickTransport().dial(
        { address: listener.address, connectTimeoutMs: 20_000, tls },
        recorder,
      );
      await until(() => recorder.bytes === 5 || recorder.closed, 'an outcome');
      await until(() => accepted !== undefined || refused !== '', "the server's outcome");
      if (accepted === undefined || recorder.bytes === 0) {
        outcomes.push(refused || recorder.cause!.check || recorder.cause!.reason);
      } else {
        const [ours, theirs] = [recorder.connection.tls!, (accepted as Recorder).connection.tls!];
        assert.equal(ours.resumed, theirs.resumed);
        assert.deepEqual(theirs.peerSubjectAltNames, ['URI:spiffe://mesh/client'], 'who the client is is known');
        assert.equal(theirs.peerCertificate!.verified, true);
        assert.equal(ours.peerCertificate!.verified, true);
        outcomes.push(ours.resumed ? 'resumed' : 'full');
      }
      recorder.connection.close('now');
      await until(() => recorder.closed && (accepted?.closed ?? true), 'the end');
    }
    await listener.close();
    return outcomes;
  }

  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    describe(maxVersion, () => {
      test('goes on, also with another worker and a new certificate, while the rules are the same', async () => {
        const copy = { ...serverTls, certificates: [server] };
        const newer = { ...serverTls, certificates: [renewed] };
        const outcomes = await visits({ ...clientTls(), maxVersion }, [serverTls, serverTls, copy, newer, newer]);
        assert.deepEqual(outcomes, ['full', 'resumed', 'resumed', 'resumed', 'resumed']);
      });

      test('does not go on under other rules, and a client that they refuse stays out', async () => {
        const stricter = { ...serverTls, verification: { ...trusted, ...name('spiffe://mesh/other') } };
        const wider = { ...serverTls, verification: trusted };
        const outcomes = await visits({ ...clientTls(), maxVersion }, [serverTls, stricter, wider, wider]);
        assert.deepEqual(outcomes, ['full', 'name', 'full', 'resumed']);
      });

      test('does not go on with a client whose certificate was revoked', async () => {
        const crlPem = authority.revoke([client]);
        const revoking = { ...serverTls, verification: { ...serverTls.verification, crlPem } };
        const fine = { ...serverTls, verification: { ...serverTls.verification, crlPem: authority.revoke([]) } };
        const outcomes = await visits({ ...clientTls(), maxVersion }, [serverTls, fine, fine, revoking]);
        assert.deepEqual(outcomes, ['full', 'full', 'resumed', 'chain']);
      });

      test('needs tickets on the one side and a place for sessions on the other', async () => {
        const { ticketKey: _, ...without } = serverTls;
        assert.deepEqual(await visits({ ...clientTls(), maxVersion }, [without, without]), ['full', 'full']);
        const forgetful = { ...clientTls(), maxVersion, sessionsMax: 0 };
        assert.deepEqual(await visits(forgetful, [serverTls, serverTls]), ['full', 'full']);
        const elsewhere = { ...serverTls, ticketKey: randomBytes(48) };
        assert.deepEqual(await visits({ ...clientTls(), maxVersion }, [serverTls, elsewhere]), ['full', 'full']);
      });

      test('goes on when the key changes, while the old one is still known', async () => {
        const [next, third] = [randomBytes(48), randomBytes(48)];
        const rotated = { ...serverTls, ticketKey: next, olderTicketKeys: [third, ticketKey] };
        const forgotten = { ...serverTls, ticketKey: next, olderTicketKeys: [third] };
        const tls = () => ({ ...clientTls(), maxVersion });
        assert.deepEqual(await visits(tls(), [serverTls, rotated, rotated]), ['full', 'resumed', 'resumed']);
        assert.deepEqual(await visits(tls(), [serverTls, forgotten, forgotten]), ['full', 'full', 'resumed']);
        assert.deepEqual(await visits(tls(), [rotated, serverTls]), ['full', 'full'], 'the new key seals');
        assert.deepEqual(await visits(tls(), [rotated, { ...serverTls, ticketKey: next }]), ['full', 'resumed']);
      });

      test('does not go on where dates do not matter, for the chain is not shown again', async () => {
        const lenient = { ...serverTls, verification: { ...serverTls.verification, allowExpired: true } };
        assert.deepEqual(await visits({ ...clientTls(), maxVersion }, [lenient, lenient]), ['full', 'full']);
        const client = { ...clientTls(), maxVersion };
        const careless = { ...client, verification: { ...client.verification, allowExpired: true } };
        assert.deepEqual(await visits(careless, [serverTls, serverTls]), ['full', 'full']);
      });

      test('does not keep a session with a server that is refused', async () => {
        const tls: ClientTls = { ...clientTls(), maxVersion, verification: { ...trusted, ...name('other.test') } };
        const outcomes = await visits(tls, [serverTls, serverTls]);
        assert.ok(
          outcomes.every((outcome) => outcome !== 'full' && outcome !== 'resumed'),
          outcomes.join(),
        );
      });
    });
  }
});
