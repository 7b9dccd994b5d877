// The server's end of TLS, from PEM files. Everything that can be wrong with them is found at the start and named, since
// gRPC itself only tells a client that it failed to connect.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { ServerCredentials } from '@grpc/grpc-js';
import { type Clock, systemClock } from '../../common/clock.js';

/** PEM files of a TLS server. */
export interface TlsFiles {
  /** Its certificate, and those between it and the authority. */
  readonly cert: string;
  /** Its private key, without a password. */
  readonly key: string;
  /** The authority that signs clients' certificates; null = clients need none. */
  readonly clientCa: string | null;
}

/**
 * What a gRPC server shows its clients: its certificate, or nothing where there is no TLS.
 * @throws Error in words: which file is missing, no PEM, expired, or does not belong to the other
 */
export async function serverCredentials(
  { tls }: { readonly tls: TlsFiles | null },
  clock: Clock = systemClock,
): Promise<ServerCredentials> {
  if (tls === null) return ServerCredentials.createInsecure();
  const [cert, key, clientCa] = await Promise.all([
    readPem(tls.cert, 'tls.cert'),
    readPem(tls.key, 'tls.key'),
    tls.clientCa === null ? null : readPem(tls.clientCa, 'tls.client_ca'),
  ]);
  const certificate = parseCertificate(cert, tls.cert, 'tls.cert');
  checkDates(certificate, tls.cert, clock.wallMs());
  if (!certificate.checkPrivateKey(parseKey(key, tls.key))) {
    throw new Error(
      `the key ${tls.key} does not belong to the certificate ${tls.cert} (${oneLine(certificate.subject)})\n` +
        'Set tls.cert and tls.key to files that were made together.',
    );
  }
  if (clientCa !== null && tls.clientCa !== null) parseCertificate(clientCa, tls.clientCa, 'tls.client_ca');
  return ServerCredentials.createSsl(clientCa, [{ cert_chain: cert, private_key: key }], clientCa !== null);
}

async function readPem(file: string, setting: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new Error(`cannot read ${setting} ${file}: ${reasonOf(error)}`, { cause: error });
  }
}

function parseCertificate(pem: Buffer, file: string, setting: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    throw new Error(`${setting} ${file} is no certificate in PEM: ${reasonOf(error)}`, { cause: error });
  }
}

function parseKey(pem: Buffer, file: string): ReturnType<typeof createPrivateKey> {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    throw new Error(`tls.key ${file} is no private key in PEM without a password: ${reasonOf(error)}`, {
      cause: error,
    });
  }
}

function checkDates(certificate: X509Certificate, file: string, nowMs: number): void {
  const { validFrom, validTo } = certificate;
  if (nowMs > Date.parse(validTo)) throw new Error(`the certificate ${file} expired on ${validTo}\nRenew it.`);
  if (nowMs < Date.parse(validFrom)) {
    throw new Error(`the certificate ${file} is good only from ${validFrom}\nCheck the clock of this machine.`);
  }
}

function oneLine(text: string): string {
  return text.replaceAll('\n', ', ');
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
