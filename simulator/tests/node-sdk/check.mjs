// Drives the simulator with the official Node SDK and exits with 1 when an answer is not sensible.
//
//   npm ci && SIMULATOR_URL=http://127.0.0.1:8090 node check.mjs
//
// The SDK builds some paths as `//v3/…` and some queries as `?&…`, and takes error bodies for answers: what it
// shows here is the bodies, so `status` is looked at each time.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

const Flutterwave = createRequire(import.meta.url)('flutterwave-node-v3');

const url = process.env.SIMULATOR_URL;
const key = process.env.SIMULATOR_KEY ?? 'FLWSECK_TEST-simulator';
if (!url) {
  console.error('SIMULATOR_URL is not set');
  process.exit(2);
}
// The SDK wants the slash at the end, and adds another in some places.
const flutterwave = new Flutterwave('FLWPUBK_TEST-simulator', key, `${url.replace(/\/+$/, '')}/`);

const reference = `node-sdk-${process.pid}-${Date.now()}`;
const order = {
  account_bank: '044',
  account_number: '0690000040',
  amount: 5500,
  narration: 'Node SDK check',
  currency: 'NGN',
  reference,
  debit_currency: 'NGN',
};

function succeeded(answer, message) {
  assert.equal(answer?.status, 'success', JSON.stringify(answer));
  assert.equal(answer.message, message);
  return answer.data;
}

let id;
const checks = {
  async 'initiate queues a transfer'() {
    const data = succeeded(await flutterwave.Transfer.initiate(order), 'Transfer Queued Successfully');
    assert.equal(data.status, 'NEW');
    assert.equal(data.reference, reference);
    assert.equal(data.amount, 5500);
    assert.equal(data.fee, 26.875);
    assert.equal(typeof data.id, 'number');
    id = data.id;
  },
  async 'initiate again meets the duplicate'() {
    const answer = await flutterwave.Transfer.initiate(order);
    assert.equal(answer.status, 'error');
    assert.equal(answer.message, 'Payout with this ref already exists');
    assert.equal(answer.data, null);
  },
  async 'get_a_transfer finds it by id'() {
    const data = succeeded(await flutterwave.Transfer.get_a_transfer({ id }), 'Transfer fetched');
    assert.equal(data.id, id);
    assert.equal(data.reference, reference);
    assert.ok(['NEW', 'PENDING', 'SUCCESSFUL'].includes(data.status), data.status);
  },
  async 'fetch finds it by reference'() {
    const answer = await flutterwave.Transfer.fetch({ reference });
    const data = succeeded(answer, 'Transfers fetched');
    assert.deepEqual(data.map(transfer => transfer.id), [id]);
    assert.equal(answer.meta.page_info.total, 1);
  },
  async 'fetch of an unknown reference is empty'() {
    assert.deepEqual(succeeded(await flutterwave.Transfer.fetch({ reference: 'never' }), 'Transfers fetched'), []);
  },
  async 'fee quotes three decimals'() {
    const data = succeeded(await flutterwave.Transfer.fee({ amount: '12500', currency: 'NGN' }), 'Transfer fee fetched');
    assert.deepEqual(data, [{ currency: 'NGN', fee_type: 'value', fee: 26.875 }]);
  },
  async 'bulk queues a batch'() {
    const item = { bank_code: '044', account_number: '0690000032', amount: 100, currency: 'NGN', narration: 'bulk' };
    const bulk = { title: 'Staff', bulk_data: [{ ...item, reference: `${reference}-bulk` }] };
    const data = succeeded(await flutterwave.Transfer.bulk(bulk), 'Bulk transfer queued');
    assert.equal(typeof data.id, 'number');
  },
  async 'balances and one balance are read'() {
    const all = succeeded(await flutterwave.Misc.bal(), 'Wallet balances fetched');
    assert.ok(all.some(balance => balance.currency === 'NGN'));
    const one = succeeded(await flutterwave.Misc.bal_currency({ currency: 'NGN' }), 'Wallet balance fetched');
    assert.equal(typeof one.available_balance, 'number');
    assert.ok(one.ledger_balance >= one.available_balance);
  },
  async 'an account resolves to its owner'() {
    const account = { account_number: '0690000032', account_bank: '044' };
    const data = succeeded(await flutterwave.Misc.verify_Account(account), 'Account details fetched');
    assert.equal(data.account_name, 'Pastor Bright');
  },
  async 'an unknown account does not resolve'() {
    const answer = await flutterwave.Misc.verify_Account({ account_number: '123', account_bank: '044' });
    assert.equal(answer.status, 'error');
  },
  async 'banks are listed'() {
    const data = succeeded(await flutterwave.Bank.country({ country: 'NG' }), 'Banks fetched successfully');
    assert.ok(data.some(bank => bank.code === '011' && bank.name === 'First Bank of Nigeria'));
  },
  async 'a beneficiary is kept'() {
    const beneficiary = { account_bank: '044', account_number: '0690000034', beneficiary_name: 'Ade Bond', currency: 'NGN', bank_name: 'Access Bank' };
    const data = succeeded(await flutterwave.Beneficiary.create(beneficiary), 'Beneficiary created');
    assert.equal(data.full_name, 'Ade Bond');
  },
};

let failed = 0;
for (const [name, check] of Object.entries(checks)) {
  try {
    await check();
    console.log(`ok      ${name}`);
  } catch (error) {
    failed += 1;
    console.error(`FAILED  ${name}: ${error.message}`);
  }
}
process.exit(failed === 0 ? 0 : 1);
