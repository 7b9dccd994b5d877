// Which addresses a webhook may reach. A name is checked by what it resolves to at the moment of the connection, and the connection
// goes to that very address: a name that answers differently the second time (DNS rebinding) gains nothing.
import { lookup as resolve } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

/** What is not the public internet: RFC 6890 and its kin, IPv6 forms that carry IPv4 addresses among them. */
const NOT_PUBLIC = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  // Link-local; the metadata of clouds is at 169.254.169.254.
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '::/127',
  '64:ff9b::/96',
  '64:ff9b:1::/48',
  '100::/64',
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  'fc00::/7',
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
];

/** What of IPv6 is public at most. */
const GLOBAL_IPV6 = '2000::/3';

/** Reads networks as `10.1.0.0/16`; null = one of them is none. */
export function parseNetworks(texts: readonly string[]): BlockList | null {
  const networks = new BlockList();
  for (const text of texts) {
    const [, address = '', prefix = ''] = /^([0-9a-fA-F.:]+)\/(\d{1,3})$/.exec(text) ?? [];
    const family = isIP(address);
    if (family === 0 || Number(prefix) > (family === 4 ? 32 : 128)) return null;
    networks.addSubnet(address, Number(prefix), family === 4 ? 'ipv4' : 'ipv6');
  }
  return networks;
}

/** Thrown instead of a connection. */
export class AddressRefused extends Error {
  override readonly name = 'AddressRefused';
}

/** The rule of one cluster. */
export class AddressRule {
  readonly #notPublic: BlockList;
  readonly #global: BlockList;
  readonly #permitted: BlockList;

  /** @param permitted networks that are not public and may be reached all the same */
  constructor(permitted: readonly string[]) {
    this.#notPublic = parseNetworks(NOT_PUBLIC) ?? new BlockList();
    this.#global = parseNetworks([GLOBAL_IPV6]) ?? new BlockList();
    this.#permitted = parseNetworks(permitted) ?? new BlockList();
  }

  /** Why an address may not be reached; null = it may. */
  whyNot(address: string): string | null {
    const plain = plainAddress(address);
    const family = isIP(plain) === 4 ? 'ipv4' : 'ipv6';
    if (this.#permitted.check(plain, family)) return null;
    const isGlobal = family === 'ipv4' || this.#global.check(plain, family);
    const isPublic = isGlobal && !this.#notPublic.check(plain, family);
    return isPublic
      ? null
      : `${address} is no public address, and notify.private_networks of the scheduler does not permit it`;
  }

  /** Resolves names for a connection; fails with {@link AddressRefused} when one of the addresses may not be reached. */
  readonly lookup: LookupFunction = (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) {
        callback(error, '', 0);
        return;
      }
      // One bad address among good ones is a bad name: which of them is used would be chance.
      const refused = addresses.map(({ address }) => this.whyNot(address)).find((why) => why !== null);
      const [first] = addresses;
      if (refused !== undefined || first === undefined) {
        callback(new AddressRefused(`${hostname}: ${refused ?? 'has no address'}`), '', 0);
      } else if (options.all === true) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };
}

/** An IPv4 address in IPv6's clothes (::ffff:127.0.0.1, in either spelling) is what it is. */
function plainAddress(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const [, high, low] = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/i.exec(address) ?? [];
  if (high === undefined || low === undefined) return address;
  const [a, b] = [Number.parseInt(high, 16), Number.parseInt(low, 16)];
  return [a >> 8, a & 255, b >> 8, b & 255].join('.');
}
