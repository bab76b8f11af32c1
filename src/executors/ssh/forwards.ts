import type { ClientChannel } from 'ssh2';
import { failed, ok, type Result } from '../../core/failure.ts';
import type { Host } from '../../core/hosts.ts';
import type { Connection } from './connection.ts';

type Serve = Parameters<Host['listen']>[0];

/** Ports on the other side that lead here. Which connection is for whom is told by the port. */
export class Forwards {
  readonly #served = new WeakMap<Connection, Map<number, Serve>>();

  /** Ends with its connection: a new one would have other ports. */
  async listen(
    name: string,
    connection: Connection,
    serve: Serve,
  ): Promise<Result<{ readonly port: number; readonly close: () => Promise<void> }>> {
    const served = this.#servedOn(connection);
    const { client } = connection;
    try {
      const port = await connection.call<number>((done) => client.forwardIn('127.0.0.1', 0, done));
      served.set(port, serve);
      return ok({
        port,
        close: async () => {
          served.delete(port);
          await connection
            .call<void>((done) => client.unforwardIn('127.0.0.1', port, (error) => done(error, undefined)))
            .catch(() => undefined);
        },
      });
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      const detail = `${name} gives no port that leads here (AllowTcpForwarding of its sshd?): ${text}`;
      return failed({ reason: 'executor-unreachable', executor: name, detail });
    }
  }

  #servedOn(connection: Connection): Map<number, Serve> {
    const known = this.#served.get(connection);
    if (known) return known;
    const served = new Map<number, Serve>();
    this.#served.set(connection, served);
    connection.client.on('tcp connection', (details, accept, reject) => {
      const serve = served.get(details.destPort);
      if (!serve) {
        reject();
        return;
      }
      const channel: ClientChannel = accept();
      channel.on('error', () => undefined);
      serve(channel);
    });
    return served;
  }
}
