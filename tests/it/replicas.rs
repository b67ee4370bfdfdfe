//! Two replicas on one database for a simulated month, each with its own runtime, connections and chance, in
//! one process: nothing is said, charged or revoked twice.

use crate::{
    closing,
    postgres::Kind,
    runtime,
    scenarios::months,
    world::{Way, World},
};

pub fn a_month_of_two(kind: Kind) {
    for way in [Way::SlackSocket, Way::Discord] {
        let database = kind.fresh();
        runtime().block_on(async {
            let mut world = World::over(way, database.url()).await;
            world.log_from = closing::log_end();
            months::begin(&mut world).await;
            world.start_twin().await;
            months::live(&mut world, 1).await;
            world.finish().await;
        });
    }
}
