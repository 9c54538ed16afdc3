// checkout: a Dubbo consumer. Asks the pricing for a quote ten times a second.
import { serviceAt } from './address.js';
import { pricingClient } from './pricing-client.js';
import { reachable, steadily } from './steadily.js';

await reachable(serviceAt('pricing', 20880));
const pricing = pricingClient();
const upTo = (most) => 1 + Math.floor(most * Math.random());

steadily(10, () => pricing.quote(upTo(5), upTo(20)));
