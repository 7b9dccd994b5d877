// Where a Redis is, as people write it: `redis://HOST:PORT` or `redis+sentinel://HOST:PORT,HOST:PORT/NAME`.

/** A Redis by its own address, or by Sentinels that know it. */
export interface StoreAddress {
  readonly hosts: readonly { readonly host: string; readonly port: number }[];
  /** The name that the Sentinels know the primary by; null = `hosts` has one, the Redis itself. */
  readonly sentinelName: string | null;
  readonly tls: boolean;
}

const DEFAULT_PORT = 6379;
const DEFAULT_SENTINEL_PORT = 26_379;

/** @returns the address, or in words what is wrong with the text; a password in it is never repeated */
export function parseStoreAddress(text: string): StoreAddress | string {
  const [, scheme = '', place = ''] = /^([a-z+]+):\/\/(.*)$/.exec(text) ?? [];
  const kind = /^(redis|rediss)(\+sentinel)?$/.exec(scheme);
  if (kind === null) {
    return 'must be "embedded", redis://HOST:PORT, rediss://HOST:PORT or redis+sentinel://HOST:PORT,HOST:PORT/NAME';
  }
  if (place.includes('@')) {
    return 'must hold no user or password: others can read it; name the user in redis.username and put the password into redis.password_file';
  }
  const isSentinel = kind[2] !== undefined;
  const [list = '', ...rest] = place.split('/');
  const name = rest.join('/');
  if (isSentinel && !/^[A-Za-z0-9._-]+$/.test(name)) {
    return 'must end with the name by which the Sentinels know the primary: redis+sentinel://HOST:PORT,HOST:PORT/NAME';
  }
  if (!isSentinel && name !== '') return `has "/${name}" at its end; the keys are told apart by redis.prefix`;
  const hosts = list.split(',').map((one) => parseHost(one, isSentinel ? DEFAULT_SENTINEL_PORT : DEFAULT_PORT));
  const wrong = hosts.find((one) => typeof one === 'string');
  if (wrong !== undefined) return `"${wrong}" is not HOST:PORT`;
  const found = hosts.filter((one) => typeof one !== 'string');
  if (!isSentinel && found.length > 1)
    return 'names several hosts, which only Sentinels can be: redis+sentinel://…/NAME';
  return { hosts: found, sentinelName: isSentinel ? name : null, tls: kind[1] === 'rediss' };
}

/** The address as it is shown. */
export function showStoreAddress({ hosts, sentinelName, tls }: StoreAddress): string {
  const list = hosts.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`).join(',');
  const scheme = `${tls ? 'rediss' : 'redis'}${sentinelName === null ? '' : '+sentinel'}`;
  return `${scheme}://${list}${sentinelName === null ? '' : `/${sentinelName}`}`;
}

function parseHost(text: string, defaultPort: number): { host: string; port: number } | string {
  const [, bracketed, plain, port] = /^(?:\[([0-9a-fA-F:]+)\]|([A-Za-z0-9._-]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined || Number(port ?? 0) > 65_535) return text;
  return { host, port: port === undefined ? defaultPort : Number(port) };
}
