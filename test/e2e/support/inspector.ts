/**
 * Makes a worker thread of a program that was started with `--inspect=127.0.0.1:0` throw, through Node's inspector: a crash
 * that the program itself has no way to ask for. `inspectorUrl` is what it printed. Resolves when the worker was told.
 */
export async function crashOneWorker(inspectorUrl: string): Promise<void> {
  const socket = new WebSocket(inspectorUrl);
  try {
    await new Promise<void>((resolve, reject) => {
      socket.addEventListener('open', () => resolve());
      socket.addEventListener('error', () => reject(new Error(`cannot reach ${inspectorUrl}`)));
    });
    await new Promise<void>((resolve, reject) => {
      let told = false;
      socket.addEventListener('close', () => reject(new Error('the inspector hung up')));
      socket.addEventListener('message', ({ data }) => {
        const message = JSON.parse(String(data));
        if (message.method === 'NodeWorker.attachedToWorker' && !told) {
          told = true;
          const expression = "setImmediate(() => { throw new Error('crashed by the test'); })";
          const inner = JSON.stringify({ id: 1, method: 'Runtime.evaluate', params: { expression } });
          const { sessionId } = message.params;
          socket.send(
            JSON.stringify({ id: 2, method: 'NodeWorker.sendMessageToWorker', params: { sessionId, message: inner } }),
          );
        }
        if (message.id === 2) resolve();
      });
      socket.send(JSON.stringify({ id: 1, method: 'NodeWorker.enable', params: { waitForDebuggerOnStart: false } }));
    });
  } finally {
    socket.close();
  }
}
