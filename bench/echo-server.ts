// The smallest gRPC server: answers every call with its own bytes. machine.ts runs it as a process of its own.
import * as grpc from '@grpc/grpc-js';

export const ECHO_PATH = '/sluice.bench.Echo/Echo';

if (process.argv[2] === 'serve') serve();

function serve(): void {
  const same = (body: Buffer) => body;
  const server = new grpc.Server();
  server.addService(
    {
      echo: {
        path: ECHO_PATH,
        requestStream: false,
        responseStream: false,
        requestSerialize: same,
        requestDeserialize: same,
        responseSerialize: same,
        responseDeserialize: same,
      },
    },
    {
      echo: (call: grpc.ServerUnaryCall<Buffer, Buffer>, callback: grpc.sendUnaryData<Buffer>) =>
        callback(null, call.request),
    },
  );
  server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
    if (error) throw error;
    process.send?.(port);
  });
  process.on('disconnect', () => process.exit());
}
