//! Whom and what an event is about.

use super::Event;
use crate::ids::{GrantId, MemberId, ServiceName};

impl Event {
    /// The member whom the event is about, where there is just one.
    pub fn member(&self) -> Option<MemberId> {
        match self {
            Self::MemberJoined { member }
            | Self::MemberLeft { member }
            | Self::MemberBack { member }
            | Self::MembersJoined { member, .. }
            | Self::AllocationSet { member, .. }
            | Self::ToppedUp { member, .. }
            | Self::CarriedOver { member, .. }
            | Self::MonthWarned { member, .. }
            | Self::GrantOpened { member, .. }
            | Self::SpendCorrected { member, .. }
            | Self::TextErased { member } => Some(*member),
            Self::SpendAssumed { reading, .. } => Some(reading.member),
            _ => None,
        }
    }

    /// The grant that the event is about, where there is just one.
    pub fn grant(&self) -> Option<GrantId> {
        match self {
            Self::GrantOpened { grant, .. }
            | Self::GrantApproved { grant, .. }
            | Self::GrantMoved { grant, .. }
            | Self::GrantKept { grant, .. }
            | Self::GrantNoticed { grant, .. }
            | Self::GrantWarned { grant, .. }
            | Self::GrantTransferred { grant, .. }
            | Self::KeyIntended { grant, .. }
            | Self::KeyMinted { grant, .. }
            | Self::DoubleFound { grant, .. }
            | Self::KeyArmed { grant, .. }
            | Self::KeyDisabled { grant, .. }
            | Self::KeyEnabling { grant, .. }
            | Self::KeyEnabled { grant, .. }
            | Self::KeyGone { grant, .. }
            | Self::KeySilent { grant, .. }
            | Self::KeyReadable { grant, .. }
            | Self::DataLeft { grant, .. }
            | Self::LeftoverDiscarded { grant, .. }
            | Self::LeftoverClosed { grant, .. }
            | Self::KeyCapped { grant, .. }
            | Self::ChangeAsked { grant, .. }
            | Self::ChangeDenied { grant, .. }
            | Self::CapChanging { grant, .. }
            | Self::CapChanged { grant, .. }
            | Self::RotationBegun { grant, .. }
            | Self::OverlapBegun { grant, .. }
            | Self::RotationDone { grant, .. }
            | Self::ExtensionBegun { grant, .. }
            | Self::GrantExtended { grant, .. }
            | Self::ChangeDropped { grant, .. }
            | Self::GrantRenewed { grant, .. }
            | Self::DriftSeen { grant, .. }
            | Self::StrayAdopted { grant, .. }
            | Self::RevealBegun { grant }
            | Self::RevealFailed { grant }
            | Self::Revealed { grant, .. }
            | Self::RevealRefused { grant }
            | Self::SpendCorrected { grant, .. } => Some(*grant),
            Self::ToppedUp { grant, .. } => *grant,
            Self::SpendAssumed { reading, .. } => Some(reading.grant),
            _ => None,
        }
    }

    /// The service that the event is about, where the event itself says so.
    pub fn service(&self) -> Option<&ServiceName> {
        match self {
            Self::MasterAdded { service, .. }
            | Self::MasterRotated { service, .. }
            | Self::MasterRemoved { service, .. }
            | Self::OptionsSet { service, .. }
            | Self::ProviderSilent { service, .. }
            | Self::ProviderBack { service }
            | Self::StrayFound { service, .. }
            | Self::StrayDiscarded { service, .. }
            | Self::StrayStuck { service, .. }
            | Self::StrayGone { service, .. }
            | Self::GrantOpened { service, .. } => Some(service),
            _ => None,
        }
    }

    /// Whether it is the meter's noise, which the trail's readers see only when they ask for it.
    pub fn is_metering(&self) -> bool {
        matches!(self, Self::UsageRead { .. })
    }
}
