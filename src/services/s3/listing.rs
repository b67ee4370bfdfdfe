//! What lies in a bucket: listed page by page, over as many readings as it takes.

use super::{
    account::Clients,
    failure::{Effect, Failure},
};
use aws_sdk_s3::types::{EncodingType, ObjectVersion, Part};
use serde::{Deserialize, Serialize};
use slice_core::ports::ServiceError;
use std::{collections::VecDeque, time::Duration};

/// A reading asks for so many pages of up to 1,000 objects, and the next one goes on there. Listing costs
/// the member money: every 3 minutes, that is about $8 a month, however much more lies there.
const PAGES: u32 = 100;
/// A reading lists no longer than this: what passes is still to be read.
const LONGEST: Duration = Duration::from_secs(25);
/// So many uploads are asked for at once: a reading has no time for the parts of more.
const UPLOADS: i32 = 100;
/// No name at S3 is longer, in bytes.
const NAME_MAX: usize = 1024;

/// A listing on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Listing {
    /// When the one before it came to its end.
    pub since: i64,
    /// What it found so far.
    pub bytes: i64,
    /// What it had found when it had to begin anew.
    #[serde(default)]
    least: i64,
    place: Place,
}

/// Where it goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Place {
    /// Old versions too.
    Objects(Option<Marker>),
    /// Uploads that nobody has finished.
    Uploads(Option<Marker>),
    /// Parts of one of them, after that number.
    Parts(Marker, Option<u32>),
}

/// After what, as S3 said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Marker {
    key: String,
    id: Option<String>,
}

/// How far a listing came in one reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Came {
    ToItsEnd,
    PartOfTheWay,
    /// There is no such bucket.
    Nowhere,
}

/// What a reading saw of what lies in a bucket.
#[derive(Clone, Debug)]
pub(super) struct Look {
    pub listing: Listing,
    pub came: Came,
    /// So many pages were asked for.
    pub pages: u32,
}

impl Marker {
    /// One that leads no further, or that is none, would make a listing go round in circles.
    fn next(
        before: Option<&Self>,
        (key, id): (Option<&str>, Option<&str>),
    ) -> Result<Self, Failure> {
        let marker = Self {
            key: key.ok_or(Failure::Odd)?.to_owned(),
            id: id.map(str::to_owned),
        };
        let lengths = [marker.key.len(), marker.id.as_ref().map_or(0, String::len)];
        let fits = lengths.iter().all(|length| *length <= NAME_MAX);
        if fits && before != Some(&marker) {
            Ok(marker)
        } else {
            Err(Failure::Odd)
        }
    }

    fn parts(at: Option<&Self>) -> (Option<String>, Option<String>) {
        let key = at.map(|at| at.key.clone());
        (key, at.and_then(|at| at.id.clone()))
    }
}

impl Listing {
    const BEGINNING: Place = Place::Objects(None);

    pub fn new(since: i64) -> Self {
        Self {
            since,
            bytes: 0,
            least: 0,
            place: Self::BEGINNING,
        }
    }

    /// What certainly lay there since the listing before it.
    pub fn least(&self) -> i64 {
        self.bytes.max(self.least)
    }

    /// The place is not taken any more: what is known stays known.
    fn anew(&self) -> Self {
        Self {
            least: self.least(),
            ..Self::new(self.since)
        }
    }

    /// Lists on for as long as a reading may. It is an error only where it came no further.
    pub async fn go_on(self, clients: &Clients, bucket: &str) -> Result<Look, ServiceError> {
        let mut walk = Walk {
            clients,
            bucket,
            listing: self.clone(),
            pages: 0,
            open: VecDeque::new(),
            is_last: false,
        };
        let done = tokio::time::timeout(LONGEST, walk.on()).await;
        let Walk { listing, pages, .. } = walk;
        let look = |listing, came| Look {
            listing,
            came,
            pages,
        };
        let failure = match done {
            Ok(Ok(came)) => return Ok(look(listing, came)),
            Ok(Err(failure)) if failure.is_missing() => return Ok(look(listing, Came::Nowhere)),
            Ok(Err(failure)) => failure,
            Err(_) => Failure::NoAnswer,
        };
        if listing != self {
            return Ok(look(listing, Came::PartOfTheWay));
        }
        let why = failure.conclude(Effect::Reads, "measure a bucket");
        match why {
            ServiceError::Rejected(_) if self.place != Self::BEGINNING => {
                Ok(look(self.anew(), Came::PartOfTheWay))
            }
            why => Err(why),
        }
    }
}

/// One reading's part of a listing.
struct Walk<'a> {
    clients: &'a Clients,
    bucket: &'a str,
    listing: Listing,
    pages: u32,
    /// Uploads after its place, as far as they were listed, and whether there are no others.
    open: VecDeque<Marker>,
    is_last: bool,
}

impl Walk<'_> {
    /// One page at a time: what a slow answer leaves undone is done by the next reading, and nothing else.
    async fn on(&mut self) -> Result<Came, Failure> {
        while self.pages < PAGES {
            let (bytes, next) = match self.listing.place.clone() {
                Place::Objects(at) => self.objects(at).await?,
                Place::Uploads(at) => (0, self.uploads(at).await?),
                Place::Parts(of, after) => self.parts(of, after).await?,
            };
            self.listing.bytes = self.listing.bytes.saturating_add(bytes);
            match next {
                Some(place) => self.listing.place = place,
                None => return Ok(Came::ToItsEnd),
            }
        }
        Ok(Came::PartOfTheWay)
    }

    /// What a page of them takes, and where the next one begins.
    async fn objects(&mut self, at: Option<Marker>) -> Result<(i64, Option<Place>), Failure> {
        self.pages += 1;
        let (key, version) = Marker::parts(at.as_ref());
        let page = self.clients.s3.list_object_versions().bucket(self.bucket);
        let page = page.set_key_marker(key).set_version_id_marker(version);
        let page = page.encoding_type(EncodingType::Url).send().await;
        let page = page.map_err(Failure::from)?;
        let bytes = sum(page.versions().iter().filter_map(ObjectVersion::size));
        if page.is_truncated() != Some(true) {
            return Ok((bytes, Some(Place::Uploads(None))));
        }
        let key = page.next_key_marker();
        let key = key.map(|key| written(key, page.encoding_type()));
        let next = (key.as_deref(), page.next_version_id_marker());
        let next = Marker::next(at.as_ref(), next)?;
        Ok((bytes, Some(Place::Objects(Some(next)))))
    }

    /// The next upload, whose parts are pages of their own.
    async fn uploads(&mut self, at: Option<Marker>) -> Result<Option<Place>, Failure> {
        if self.open.is_empty() && !self.is_last {
            self.pages += 1;
            let (key, upload) = Marker::parts(at.as_ref());
            let page = self.clients.s3.list_multipart_uploads().bucket(self.bucket);
            let page = page.set_key_marker(key).set_upload_id_marker(upload);
            let page = page.encoding_type(EncodingType::Url).max_uploads(UPLOADS);
            let page = page.send().await.map_err(Failure::from)?;
            for open in page.uploads() {
                let key = open.key().map(|key| written(key, page.encoding_type()));
                let of = (key.as_deref(), open.upload_id());
                self.open.push_back(Marker::next(at.as_ref(), of)?);
            }
            self.is_last = page.is_truncated() != Some(true);
            if self.open.is_empty() && !self.is_last {
                return Err(Failure::Odd);
            }
        }
        let next = self.open.pop_front();
        Ok(next.map(|of| Place::Parts(of, None)))
    }

    /// The same as of objects of an upload's parts; after them, the uploads after it go on.
    async fn parts(
        &mut self,
        of: Marker,
        after: Option<u32>,
    ) -> Result<(i64, Option<Place>), Failure> {
        self.pages += 1;
        let page = self.clients.s3.list_parts().bucket(self.bucket);
        let page = page.key(&of.key).set_upload_id(of.id.clone());
        let page = page.set_part_number_marker(after.map(|number| number.to_string()));
        let page = match page.send().await.map_err(Failure::from) {
            Ok(page) => page,
            // It was finished or given up meanwhile.
            Err(failure) if failure.code() == "NoSuchUpload" => {
                return Ok((0, Some(Place::Uploads(Some(of)))));
            }
            Err(failure) => return Err(failure),
        };
        let bytes = sum(page.parts().iter().filter_map(Part::size));
        if page.is_truncated() != Some(true) {
            return Ok((bytes, Some(Place::Uploads(Some(of)))));
        }
        let next = page.next_part_number_marker();
        let next = next.and_then(|number| number.parse().ok());
        let next = next.filter(|number| after < Some(*number));
        let next = next.ok_or(Failure::Odd)?;
        Ok((bytes, Some(Place::Parts(of, Some(next)))))
    }
}

/// A name as it was before S3 made it plain, if S3 says that it did: XML cannot hold every name.
pub(super) fn written(name: &str, encoding: Option<&EncodingType>) -> String {
    if encoding != Some(&EncodingType::Url) {
        return name.to_owned();
    }
    let pair = format!("a={}", name.replace('&', "%26"));
    let written = url::form_urlencoded::parse(pair.as_bytes()).next();
    written.map_or_else(String::new, |(_, name)| name.into_owned())
}

fn sum(sizes: impl Iterator<Item = i64>) -> i64 {
    sizes.fold(0, i64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marker(key: &str) -> Marker {
        let key = key.to_owned();
        Marker { key, id: None }
    }

    #[test]
    fn a_marker_leads_on_and_is_no_longer_than_a_name() {
        let next = |key: &str| Marker::next(Some(&marker("b")), (Some(key), None)).ok();
        assert_eq!(next("c"), Some(marker("c")));
        assert_eq!(next("b"), None, "it would go round in circles");
        let longest = "c".repeat(NAME_MAX);
        assert_eq!(next(&longest), Some(marker(&longest)));
        assert_eq!(next(&"c".repeat(NAME_MAX + 1)), None);
        assert_eq!(Marker::next(None, (None, None)), Err(Failure::Odd));
    }

    #[test]
    fn a_name_is_what_it_was() {
        let url = Some(&EncodingType::Url);
        let was = "a+b &/%41=\u{fffe}\u{1}";
        assert_eq!(written("a%2Bb+%26/%2541%3D%EF%BF%BE%01", url), was);
        assert_eq!(written("a%2Bb%20&/%2541=%ef%bf%be%01", url), was);
        assert_eq!(written("a%2Bb+", None), "a%2Bb+");
    }

    #[test]
    fn what_is_known_stays_known_when_it_begins_anew() {
        let listing = Listing {
            since: 7,
            bytes: 5,
            least: 0,
            place: Place::Uploads(Some(marker("b"))),
        };
        let anew = listing.anew();
        assert_eq!((anew.since, anew.bytes, anew.least()), (7, 0, 5));
        assert_eq!(anew.place, Listing::BEGINNING);
        let again = Listing { bytes: 9, ..anew };
        assert_eq!(again.anew().least(), 9);
    }
}
