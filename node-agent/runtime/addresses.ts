// The addresses of this machine: at which one others may reach it, and which interface an address belongs to. Pure: the list of
// interfaces is given.
import type { NetworkInterfaceInfo } from 'node:os';

/** As `os.networkInterfaces` tells them. */
export type Interfaces = Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>;

/** Interfaces that lead into containers and virtual machines of this machine, not to others. */
const INWARD = /^(docker|veth|br-|virbr|vnet|cni|flannel|cali|lxc|lxd|podman|tap)/;

/** The first address that is not loopback, not link-local, and not of an interface that leads inwards: IPv4 before IPv6. Empty = none. */
export function ownAddress(interfaces: Interfaces): string {
  const outward = Object.entries(interfaces).filter(([name]) => !INWARD.test(name));
  const usable = outward.flatMap(([, addresses = []]) => addresses).filter(({ internal }) => !internal);
  const four = usable.find(({ family, address }) => family === 'IPv4' && !address.startsWith('169.254.'));
  const six = usable.find(({ family, address }) => family === 'IPv6' && !/^fe[89ab]/i.test(address));
  return (four ?? six)?.address ?? '';
}

/** The interface that has an address of the machine; null = none has, or it is loopback: then a library chooses better by itself. */
export function interfaceOf(interfaces: Interfaces, address: string): string | null {
  for (const [name, addresses = []] of Object.entries(interfaces)) {
    if (addresses.some((one) => one.address === address && !one.internal)) return name;
  }
  return null;
}
