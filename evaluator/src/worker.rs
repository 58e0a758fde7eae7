//! The evaluator as a service: its loop, its metrics, its results over HTTP.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{Json, Router, extract::State, routing::get};
use service::{Context, Failure, shell::Worker};

use crate::{
    config::Options,
    decide::Building,
    expose::{self, View},
    pipeline::{Evaluator, EvaluatorError},
    table::Row,
};

/// Sets the service up.
pub fn set_up(context: &Context) -> Result<Worker, Failure> {
    set_up_with_view(context).map(|(worker, _)| worker)
}

/// Sets the service up, and gives what can be seen of it while it runs.
pub fn set_up_with_view(context: &Context) -> Result<(Worker, View), Failure> {
    let config = &context.config;
    let options = Options {
        prefix: config.topics.prefix.clone(),
        stall_limit: config.stall_limit_ms,
        accept_lost_ledger: config.accept_lost_ledger.clone(),
    };
    let mut evaluator =
        Evaluator::new(Arc::clone(&context.log), Arc::clone(&context.catalogue), &options, Arc::clone(&context.clock))
            .map_err(failure)?
            .by(context.programme.clone());
    let view = evaluator.view();
    context.page.add(expose::families(&view)).map_err(|fault| Failure::Internal(fault.into()))?;
    let router = router(view.clone());
    let seen = view.clone();
    let context = context.clone();
    let worker = move || {
        while context.go_on(view.get().ready) {
            match evaluator.step(Duration::from_millis(200)) {
                Ok(_) => {}
                Err(EvaluatorError::Log(streaming::LogError::Unavailable { doing, reason })) => {
                    tracing::warn!(doing, reason, "the log cannot be reached; trying again");
                }
                Err(fault) => return Err(failure(fault)),
            }
        }
        Ok(())
    };
    Ok(((router, Box::new(worker)), seen))
}

/// `/api/results`: the current period of every construct and group. `/api/building`: the constructs of which nothing can
/// be stated, and why.
pub fn router(view: View) -> Router {
    Router::new().route("/api/results", get(results)).route("/api/building", get(building)).with_state(view)
}

async fn building(State(view): State<View>) -> Json<BTreeMap<String, Building>> {
    Json(view.get().building.clone())
}

async fn results(State(view): State<View>) -> Json<Vec<Row>> {
    Json(view.get().current.clone())
}

fn failure(fault: EvaluatorError) -> Failure {
    match fault {
        EvaluatorError::Fenced(_) => Failure::Fenced(fault.into()),
        EvaluatorError::Log(_) | EvaluatorError::Ledger(_) | EvaluatorError::Programme(_) => {
            Failure::Internal(fault.into())
        }
    }
}
