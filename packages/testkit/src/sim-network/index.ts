export { calmLink, type LinkFaults } from './faults.ts';
export { SimNetwork, type SimNetworkOptions } from './sim-network.ts';
export { simAuthorities, simCertificate } from './sim-tls.ts';
