//! `cargo xtask dev`: the whole system on this machine, until Ctrl-C.

use std::fs;

use anyhow::{Context as _, Result, bail};

use crate::checkout::Checkout;
use crate::seed::{SeededProvider, seed};
use crate::stack::programs::{Profile, build};
use crate::stack::service::Service;
use crate::stack::settings::Surroundings;
use crate::stack::token::{Role, mint};
use crate::stack::{JWT_SECRET, Keeping, Stack, forget_data, secrets};
use crate::{dashboard, interrupt, progress};

/// The folder under `.local` that a second start finds again.
pub const STACK: &str = "dev";

/// What to start from, and how it is built.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    pub fresh: bool,
    pub profile: Profile,
}

pub fn run(checkout: &Checkout, options: Options) -> Result<()> {
    if options.fresh {
        progress::step("forgetting the last stack's data", || forget_data(checkout, STACK))?;
    }
    let mut stack = Stack::open(checkout, STACK, Keeping::Data)?;
    let programs = build(checkout, options.profile)?;
    stack.catch_mail()?;
    let dashboard_url = dashboard::development_url(checkout, STACK)?;
    stack.add_programs(&programs, &[("DASHBOARD_URL", &dashboard_url)]);
    stack.start()?;
    let providers = progress::step("seeding", || seed(stack.around()))?;
    let mut dashboard = dashboard(checkout, stack.around())?;
    introduce(checkout, stack.around(), &providers, dashboard.as_ref().map(|(_, url)| url.as_str()))?;
    loop {
        stack.check()?;
        if let Some(obituary) = dashboard.as_mut().and_then(|(service, _)| service.obituary()) {
            bail!("{obituary}");
        }
        if interrupt::tick().is_err() {
            progress::note("stopping");
            stack.stop();
            return Ok(());
        }
    }
}

/// The dashboard's development server, where there is a Node to run it.
fn dashboard(checkout: &Checkout, around: &Surroundings) -> Result<Option<(Service, String)>> {
    if !dashboard::install(checkout)? {
        progress::note("WARNING: Node is not installed, so there is no dashboard");
        return Ok(None);
    }
    let (mut service, url) = dashboard::development_server(checkout, STACK, &around.api_url())?;
    progress::step("starting dashboard", || service.start())?;
    Ok(Some((service, url)))
}

/// `cargo xtask token`: one more token for the stack of this checkout.
pub fn token(checkout: &Checkout, role: Role, subject: &str, provider: Option<&str>) -> Result<()> {
    let state = checkout.state(STACK);
    fs::create_dir_all(&state).with_context(|| format!("creating {}", state.display()))?;
    println!("{}", mint(&secrets::kept(&state, JWT_SECRET)?, role, subject, provider)?);
    Ok(())
}

/// Says where everything is, how to get in, and what to try first.
fn introduce(
    checkout: &Checkout,
    around: &Surroundings,
    providers: &[SeededProvider],
    dashboard: Option<&str>,
) -> Result<()> {
    println!();
    println!("  Everything runs.");
    println!();
    if let Some(url) = dashboard {
        println!("  Dashboard    {url}, where everybody below signs in with one press");
    }
    println!("  API          {}", around.api_url());
    println!("  API docs     {}/docs", around.api_url());
    if let Some(ui) = &around.temporal.ui {
        println!("  Temporal UI  {ui}");
    }
    if let Some(mail) = &around.mail {
        println!("  Mail         {}, where everything that is mailed can be read", mail.web);
    }
    println!("  Simulator    {}", around.simulator_url());
    println!("  Worker       {}/healthz", around.worker_url());
    println!("  Database     {}", around.database_url);
    if let Some(cli) = &around.temporal.cli {
        println!("  Temporal CLI {} --address {}", cli.display(), around.temporal.grpc);
    }
    println!("  Logs         {}", checkout.logs().join(format!("{STACK}-*.log")).display());
    println!();
    println!("  Providers, each with a token that is valid for a day (`cargo xtask token` makes more):");
    for provider in providers {
        println!();
        println!("  {} has {}; {}", provider.name, provider.available, provider.who);
        println!("    {}", provider.token);
    }
    println!();
    println!("  The admin, two of finance, and the marketplace:");
    println!();
    let admin = mint(&around.jwt_secret, Role::Admin, "admin-ada", None)?;
    println!("    admin     {admin}");
    for finance in ["finance-fola", "finance-gift"] {
        println!("    finance   {}", mint(&around.jwt_secret, Role::Finance, finance, None)?);
    }
    println!("    platform  {}", mint(&around.jwt_secret, Role::Platform, "marketplace", None)?);
    if let Some(first) = providers.first() {
        suggest(around, first, &admin);
    }
    println!();
    println!("  Ctrl-C stops everything; a second start finds the data again, `--fresh` begins anew.");
    Ok(())
}

/// Two commands to paste: the request of a new provider's first payout, and the approval that it waits for.
fn suggest(around: &Surroundings, provider: &SeededProvider, admin: &str) {
    let api = around.api_url();
    let json = "-H 'Content-Type: application/json'";
    println!();
    println!("  Ask for a payout as {}, then watch it in the Temporal UI:", provider.name);
    println!();
    println!("    curl -s {api}/api/provider/payouts \\");
    println!("      -H 'Authorization: Bearer {}' \\", provider.token);
    println!("      -H \"Idempotency-Key: $(date +%s%N)\" {json} \\");
    println!(
        "      -d '{{\"amount\":{{\"amount\":\"15000.00\",\"currency\":\"NGN\"}},\"bank_account_id\":\"{}\"}}'",
        provider.bank_account
    );
    println!();
    println!("  Approve it as the admin, with the `id` of the answer in place of PAYOUT:");
    println!();
    println!("    curl -s {api}/api/admin/payouts/PAYOUT/decision \\");
    println!("      -H 'Authorization: Bearer {admin}' \\");
    println!("      {json} -d '{{\"decision\":\"approve\",\"reason\":\"I know her work.\"}}'");
}
