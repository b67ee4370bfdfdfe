//! Three months in the life of a team, as the demo plays them.

use super::months;
use crate::world::World;

pub async fn three_months(world: &mut World) {
    world.loose();
    months::begin(world).await;
    months::live(world, 3).await;
}
